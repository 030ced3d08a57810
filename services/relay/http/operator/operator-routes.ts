// The operator's routes on the internal listener: the page, the same as JSON, the actions, and what pods ask one another.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isValidId } from '#shared/protocol/paths.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import { COMMAND_PATH, MAX_COMMAND_BYTES, parseCommand } from '../../hop/command.ts';
import { undefinedIfRegistryIsAway } from '../../registry/registry-unavailable.ts';
import { judgePeer, type PeerDoorOptions, refusedPeer } from '../door/peer.ts';
import { Refused } from '../door/refusal.ts';
import { judgeListRequest } from '../route/list-request.ts';
import { type ActingOptions, act, type OperatorRecorder, obey } from './acting.ts';
import { MAX_ACTION_BYTES, readAction } from './action.ts';
import { type ClusterReportOptions, PART_PATH, reportCluster, TRAFFIC_PATH } from './cluster-report.ts';
import { renderOperatorPage } from './operator-page.ts';
import { OPERATOR_HEADERS } from './page-headers.ts';
import { reportHere, trafficHere } from './pod-report.ts';
import { PAGE_SIZES, readViewQuery } from './view-query.ts';

export interface OperatorOptions extends ActingOptions, ClusterReportOptions, PeerDoorOptions {
  readonly recorder: PeerDoorOptions['recorder'] & OperatorRecorder;
}

export const OPERATOR_PATH = '/operator';
const ACT_PATH = '/operator/act';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** What a pod is asked for at once in a question about traffic, in IDs and in bytes. */
const MAX_TRAFFIC_IDS = Math.max(...PAGE_SIZES);
const MAX_TRAFFIC_BYTES = 64 * 1024;

type Query = Readonly<Record<string, unknown>>;

/** To be called after the route of dial orders, which has JSON bodies kept as they came. */
export function registerOperator(app: FastifyInstance, options: OperatorOptions): void {
  /** Whoever has read the page has it: a page of another site cannot. */
  const token = randomBytes(24).toString('base64url');

  app.get<{ Querystring: Query }>(OPERATOR_PATH, async (request, reply) => {
    const refused = refuseStrangers(request, options);
    if (refused !== undefined) return refused;
    const query = readViewQuery(request.query);
    const report = await reportCluster(options, query);
    void reply.headers(OPERATOR_HEADERS).type('text/html; charset=utf-8');
    return reply.send(renderOperatorPage({ report, query, token, words: wordsOf(request.query) }));
  });

  app.get<{ Querystring: Query }>(`${OPERATOR_PATH}.json`, async (request, reply) => {
    const refused = refuseStrangers(request, options);
    if (refused !== undefined) return refused;
    const query = readViewQuery(request.query);
    void reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    return { token, query, ...(await reportCluster(options, query)) };
  });

  app.addContentTypeParser(FORM_TYPE, { parseAs: 'string', bodyLimit: MAX_ACTION_BYTES }, (_, body, done) => {
    done(null, body);
  });

  app.post(ACT_PATH, async (request, reply) => {
    const refused = refuseStrangers(request, options) ?? refuseForeignForms(request, token);
    if (refused !== undefined) return refused;
    const form = new URLSearchParams(String(request.body));
    const read = readAction(form);
    if (read.kind === 'invalid')
      return reply.code(400).send({ code: 'malformed_request', message: read.fault });
    const deed = await act(read.action, read.by, options).catch(undefinedIfRegistryIsAway);
    if (deed === undefined)
      return new Refused('registry_unavailable', 'Redis does not answer, so nothing was changed: try again');
    if (deed.kind === 'full') return new Refused('overloaded', deed.said);
    if (isForScript(request)) return { kind: deed.kind, message: deed.said };
    const query = new URLSearchParams(form.get('back') ?? '');
    query.set('by', read.by);
    query.set('said', deed.said);
    // RFC 9110 section 15.4.4: the page, by GET, so that a reload repeats nothing.
    return reply.code(303).header('location', `${OPERATOR_PATH}?${query.toString()}`).send();
  });

  app.get<{ Querystring: Query }>(PART_PATH, (request) => {
    const verdict = judgePeer(request, '', options);
    if (verdict !== 'genuine') return refusedPeer(verdict, options.recorder);
    return reportHere(options, readViewQuery(request.query));
  });

  app.post(TRAFFIC_PATH, { bodyLimit: MAX_TRAFFIC_BYTES }, (request) => {
    const body = String(request.body);
    const verdict = judgePeer(request, body, options);
    if (verdict !== 'genuine') return refusedPeer(verdict, options.recorder);
    const { ids } = parseRecord(body) ?? {};
    const known = Array.isArray(ids) ? ids.filter((id) => typeof id === 'string' && isValidId(id)) : [];
    return trafficHere(options.sessions, new Set(known.slice(0, MAX_TRAFFIC_IDS) as string[]));
  });

  app.post(COMMAND_PATH, { bodyLimit: MAX_COMMAND_BYTES }, (request, reply) => {
    const body = String(request.body);
    const verdict = judgePeer(request, body, options);
    if (verdict !== 'genuine') return refusedPeer(verdict, options.recorder);
    const command = parseCommand(body);
    if (command === undefined) {
      options.recorder.peerRejected('malformed');
      return reply.code(400).send({ code: 'malformed_request', message: 'not a command' });
    }
    const ended = obey(command, options);
    options.log.info({ ...command, ended }, 'command of an operator at another pod');
    return { ended };
  });
}

/** Only people on this machine itself, which a port-forward makes of them. */
function refuseStrangers(request: FastifyRequest, options: OperatorOptions): Refused | undefined {
  const verdict = judgeListRequest(request, options);
  switch (verdict.kind) {
    case 'local':
      return undefined;
    case 'peer':
    case 'stranger':
      return new Refused('unauthorized', HOW_TO_COME);
    case 'rejected':
      return refusedPeer(verdict.verdict, options.recorder);
    case 'spoken_for':
      return new Refused(
        'foreign_origin',
        `this page is for people on this machine, and ${verdict.sign} says that somebody else asks`,
      );
  }
}

/** Browsers say which page a form comes from, and only a page of ours has the token. */
function refuseForeignForms(request: FastifyRequest, token: string): Refused | undefined {
  const { headers, host, body } = request;
  if (headers.origin !== `http://${host}`)
    return new Refused(
      'foreign_origin',
      `an action comes from this page: send the header origin: http://${host}`,
    );
  const given = Buffer.from(new URLSearchParams(String(body)).get('token') ?? '');
  const expected = Buffer.from(token);
  if (given.length === expected.length && timingSafeEqual(given, expected)) return undefined;
  return new Refused(
    'unauthorized',
    'the token is missing, or of another relay process: load the page again',
  );
}

function isForScript({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('application/json') === true;
}

/** What the page gets from its own URL, beside the query. */
function wordsOf({ by, said, target }: Query): { by: string; said: string; target: string } {
  const text = (word: unknown): string => (typeof word === 'string' ? word.slice(0, 300) : '');
  return { by: text(by), said: text(said), target: text(target) };
}

const HOW_TO_COME =
  'this page is for the machine itself: kubectl port-forward POD 9090, then open http://localhost:9090/operator; ' +
  'without Kubernetes a browser or curl on that machine';

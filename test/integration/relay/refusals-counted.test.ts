// Every refusal of every route and door: answered as the table of codes says, counted once, and logged once.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { agentStreamPath } from '#shared/protocol/paths.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import type { GateParts } from '../../../services/relay/gate-parts.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { PEER_HEADER, signPeerRequest } from '../../../services/relay/hop/peer-credentials.ts';
import { ticketsOf } from '../../../services/relay/hop/ticket.ts';
import type { Policy } from '../../../services/relay/policy/policy.ts';
import { MemoryRegistry } from '../../../services/relay/registry/memory-registry.ts';
import { RegistryUnavailable } from '../../../services/relay/registry/registry-unavailable.ts';
import { AGENT_DIAL_TIMEOUT_MS } from '../../../services/relay/session/pending-dials.ts';
import { sumOf } from '../../support/relay/exposition.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import {
  handshakeText,
  openRaw,
  type RelaySetUp,
  type RunningRelay,
  startRelay,
} from '../../support/relay/relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

const SECRET = 'a secret of at least thirty-two letters';
const CODES = Object.keys(REFUSALS) as RefusalCode[];

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

interface RefusedCase {
  readonly code: RefusalCode;
  readonly setUp?: RelaySetUp;
  /** Runs the attempt that is refused, once; what it needs before that it has done by then. */
  readonly attempt: (relay: RunningRelay, clock: ManualClock) => Promise<Answer>;
  /** HTML in place of the JSON body. */
  readonly isPage?: boolean;
  readonly address?: string;
}

/** Sends `text` and reads the whole answer, until the relay closes. */
async function ask(port: number, text: string, localAddress?: string): Promise<Answer> {
  using peer = await openRaw(port, text, localAddress);
  const answer = await peer.closed;
  const [headers = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(headers.split(' ')[1]), headers: headers.toLowerCase(), body };
}

function request(line: string, headers: Readonly<Record<string, string>> = {}, body = ''): string {
  const all = { Host: 'relay.test', Connection: 'close', 'Content-Length': String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`${line} HTTP/1.1`, ...lines, '', body].join('\r\n');
}

const get = (line: string, headers = {}) => ({
  attempt: ({ port }: RunningRelay) => ask(port, request(line, headers)),
});
const getInside = (line: string, headers = {}, localAddress?: string) => ({
  attempt: ({ internalPort }: RunningRelay) => ask(internalPort, request(line, headers), localAddress),
});
/** The next three make what is good for a minute only when they run. */
const getAsPeer = (path: string) => ({
  attempt: ({ internalPort }: RunningRelay) => ask(internalPort, request(`GET ${path}`, asPeer('GET', path))),
});
const upgradeAsPeer = (path: string) => ({
  attempt: ({ internalPort }: RunningRelay) => ask(internalPort, handshakeText(path, asPeer('GET', path))),
});
const streamElsewhere = ({ port }: RunningRelay) =>
  ask(port, handshakeText(agentStreamPath('job', ticketElsewhere())));
const upgrade = (path: string, headers = {}) => ({
  attempt: ({ port }: RunningRelay) => ask(port, handshakeText(path, headers)),
});
const upgradeInside = (path: string) => ({
  attempt: ({ internalPort }: RunningRelay) => ask(internalPort, handshakeText(path)),
});
/** The same by a pod of this cluster. */
const asPeer = (method: 'GET' | 'POST', path: string, body = '') => ({
  [PEER_HEADER]: signPeerRequest(new ClusterKey([SECRET]), { method, path, body }, Date.now()),
});
const order = (path: string, body: string) => ({
  attempt: ({ internalPort }: RunningRelay) => {
    const headers = { 'Content-Type': 'application/json', ...asPeer('POST', path, body) };
    return ask(internalPort, request(`POST ${path}`, headers, body));
  },
});

const control = () => ({ 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() });
const HTML = { Accept: 'text/html' };

function awayRegistry(): MemoryRegistry {
  const registry = new MemoryRegistry(new ManualClock());
  const fail = () => Promise.reject(new RegistryUnavailable('down'));
  registry.lookup = fail;
  registry.claim = fail;
  return registry;
}

/** A relay that was told to leave, and whose delay never ends. */
const draining = ({ attempt }: Pick<RefusedCase, 'attempt'>): RefusedCase => ({
  code: 'draining',
  setUp: { env: { DRAIN_DELAY_SECONDS: '1' }, clock: new ManualClock(Date.now()) },
  attempt: async (running, clock) => {
    void running.relay.drain();
    return attempt(running, clock);
  },
});

/** A ticket of this cluster whose client waits where nobody listens. */
const ticketElsewhere = (): string =>
  ticketsOf(new ClusterKey([SECRET]), new ManualClock(Date.now())).seal({
    nonce: 'n'.repeat(32),
    id: 'job',
    address: '127.0.0.1:1',
    resumable: false,
  });

const LIMITED = {
  LIMIT_PRIVATE_ADDRESSES: 'true',
  ADDRESS_SETUPS_PER_SECOND: '1',
  ADDRESS_SETUPS_BURST: '1',
};
/** `first` takes the only place, and `second` finds none. */
const crowded = (code: RefusalCode, env: Record<string, string>, path: string): RefusedCase => ({
  code,
  setUp: { env },
  attempt: async ({ port }) => {
    using _first = await openAgent(port, 'first');
    return await ask(port, handshakeText(path, control()));
  },
});

const CASES: Readonly<Record<string, RefusedCase>> = {
  'the page: no host': { code: 'invalid_host', ...get('GET /', { Host: 'a;b' }) },
  'the page: no ID, for curl': { code: 'invalid_id', ...get('GET /?id=-x') },
  'the page: no ID, for a browser': { code: 'invalid_id', isPage: true, ...get('GET /?id=-x', HTML) },
  'the page: HEAD': { code: 'invalid_id', isPage: true, ...get('HEAD /?id=-x', HTML) },
  'a download: unknown': { code: 'not_found', ...get('GET /docs/nothing') },
  'a download: HEAD': { code: 'not_found', ...get('HEAD /docs/nothing') },
  'a download: not built': { code: 'not_found', ...get('GET /docs/wsproxy') },
  'a download: another platform': { code: 'not_found', ...get('GET /docs/agent-plan9-mips') },
  'a download: listed, and not there': { code: 'not_found', ...get('GET /docs/tcptows') },
  'a download: no signature': { code: 'not_found', ...get('GET /docs/SHA256SUMS.sig') },
  'a download: beyond its end': {
    code: 'range_not_satisfiable',
    ...get('GET /docs/agent', { Range: 'bytes=100-' }),
  },
  'a path that is not there': { code: 'not_found', ...get('GET /nowhere') },
  'a path that cannot be decoded': { code: 'not_found', ...get('GET /docs/%zz') },
  'an ID that cannot be decoded': { code: 'invalid_id', ...get('GET /client/%zz') },
  'a page of another site': {
    code: 'foreign_origin',
    ...upgrade('/client/job', { Origin: 'https://elsewhere.test' }),
  },
  'too many requests': {
    code: 'rate_limited',
    setUp: { env: LIMITED, clock: new ManualClock() },
    attempt: async ({ port }) => {
      await ask(port, request('GET /?id=job'));
      return ask(port, request('GET /docs/agent'));
    },
  },
  'no place for a download': {
    code: 'overloaded',
    setUp: {
      memory: { resident: () => 100, residentLimit: 1, heap: () => 0, heapLimit: 1 },
    },
    ...get('GET /docs/agent'),
  },
  'no place for a link': crowded('overloaded', { MAX_LINKS: '1' }, '/agent/second'),
  'no place for a link of this address': crowded(
    'rate_limited',
    { LIMIT_PRIVATE_ADDRESSES: 'true', ADDRESS_MAX_LINKS: '1' },
    '/agent/second',
  ),
  'an agent: no ID': { code: 'invalid_id', ...upgrade('/agent/-rf') },
  'an agent: no path': { code: 'not_found', ...upgrade('/agent/x/y') },
  'an agent: no WebSocket': { code: 'upgrade_required', ...get('GET /agent/job') },
  'an agent: another version': { code: 'upgrade_required', ...upgrade('/agent/job') },
  'an agent: no claim': {
    code: 'unauthorized',
    ...upgrade('/agent/job', { 'Sec-WebSocket-Protocol': AGENT_CONTROL }),
  },
  'an agent: ID taken': crowded('id_taken', {}, '/agent/first'),
  'an agent: no registry': {
    code: 'registry_unavailable',
    setUp: { registry: awayRegistry() },
    ...upgrade('/agent/job', control()),
  },
  'an agent: leaving': draining(upgrade('/agent/job', control())),
  'a stream: no ticket': { code: 'unauthorized', ...upgrade(agentStreamPath('job', 'forged')) },
  'a stream: no peer': { code: 'peer_unreachable', attempt: streamElsewhere },
  'a stream: leaving': draining({ attempt: streamElsewhere }),
  'a client: no ID': { code: 'invalid_id', ...upgrade('/client/-rf') },
  'a client: no path': { code: 'not_found', ...upgrade('/client/x/y') },
  'a client: no WebSocket': { code: 'upgrade_required', ...get('GET /client/job') },
  'a client: no agent': { code: 'agent_not_found', ...upgrade('/client/job') },
  'a client: no registry': {
    code: 'registry_unavailable',
    setUp: { registry: awayRegistry() },
    ...upgrade('/client/job'),
  },
  'a client: leaving': draining(upgrade('/client/job')),
  'a client: an agent that does not answer': {
    code: 'agent_unresponsive',
    setUp: { clock: new ManualClock(Date.now()) },
    attempt: async ({ port }, clock) => {
      using agent = await openAgent(port, 'job');
      const answer = ask(port, handshakeText('/client/job', { 'Sec-WebSocket-Protocol': STREAM }));
      await agent.dial();
      clock.advance(AGENT_DIAL_TIMEOUT_MS);
      return await answer;
    },
  },
  'a dial order: of nobody': { code: 'unauthorized', ...getInside('POST /dial/job') },
  'a dial order: none': { code: 'invalid_id', ...order('/dial/job', '{}') },
  'a dial order: for nobody': {
    code: 'agent_not_found',
    ...order('/dial/job', JSON.stringify({ ticket: 'x', client: '192.0.2.1', resumable: false })),
  },
  'a hop: of nobody': { code: 'unauthorized', ...upgradeInside('/hop/abc') },
  'a hop: to nobody': { code: 'unauthorized', ...upgradeAsPeer('/hop/abc') },
  'a hop: no WebSocket': {
    code: 'upgrade_required',
    ...getAsPeer('/hop/abc'),
  },
  'the list: for a stranger': {
    code: 'unauthorized',
    address: '127.0.0.2',
    ...getInside('GET /sessions', {}, '127.0.0.2'),
  },
  'the list: for a forger': { code: 'unauthorized', ...getInside('GET /sessions', { [PEER_HEADER]: '1.x' }) },
  'the list: through a proxy': {
    code: 'foreign_origin',
    ...getInside('GET /sessions', { Via: '1.1 proxy' }),
  },
  'inside: a path that is not there': { code: 'not_found', ...getInside('GET /nowhere') },
};

/** What the gate says of a proof; the gate's own tests show when it says which. */
const GATE_CODES = CODES.filter((code) =>
  /^(challenge|token|key|certificate|sso|not_admitted|id_not|lifetime|allowance|blocked|rule|issuer)/.test(
    code,
  ),
);
const ASKING_POLICY: Policy = {
  audience: 'https://relay.test',
  agents: [
    {
      name: 'rule',
      networks: undefined,
      proof: { kind: 'token', tokens: [] },
      ids: [],
      limits: {
        agents: undefined,
        lifetimeMs: undefined,
        sessions: undefined,
        bytesPerSecond: undefined,
        totalBytes: undefined,
      },
      access: undefined,
    },
  ],
  clients: undefined,
  sso: undefined,
};
/** A relay that asks agents who they are, and says `code` to every proof. */
const asking = (code: RefusalCode, header: Readonly<Record<string, string>>): RefusedCase => {
  const refused = { kind: 'refused', code, message: 'why it is so' } as const;
  const gateParts: Partial<GateParts> = {
    policy: { current: ASKING_POLICY },
    identities: { challenge: () => 'challenge', check: () => Promise.resolve(refused) },
    judge: { agent: () => refused, client: () => refused, kindsAsked: () => ['token'] },
  };
  return { code, setUp: { gateParts }, ...upgrade('/agent/job', { ...control(), ...header }) };
};
const PROOF = { [IDENTITY_HEADER]: 'token abc' };
const GATE_CASES: Readonly<Record<string, RefusedCase>> = {
  'the gate: no proof': asking('identity_required', {}),
  'the gate: a proof of no kind': asking('identity_malformed', { [IDENTITY_HEADER]: 'nonsense' }),
  ...Object.fromEntries(GATE_CODES.map((code) => [`the gate: ${code}`, asking(code, PROOF)])),
};
/** A relay where people sign on, at a provider that nobody can reach. */
const signingOn = (code: RefusalCode, attempt: Pick<RefusedCase, 'attempt'>): RefusedCase => {
  const sso = {
    issuer: 'http://127.0.0.1:1',
    clientId: 'x',
    clientSecretFile: undefined,
    scopes: [],
    sessionMs: 1,
  };
  const policy = { ...ASKING_POLICY, agents: undefined, clients: [], sso };
  return { code, isPage: true, setUp: { gateParts: { policy: { current: policy } } }, ...attempt };
};
const SIGN_ON_CASES: Readonly<Record<string, RefusedCase>> = {
  'signing on: not here': { code: 'not_found', ...get('GET /sign-on') },
  'signing on: nothing was begun': signingOn('sso_refused', get('GET /sign-on/callback')),
  'signing on: no provider': signingOn('issuer_unavailable', get('GET /sign-on')),
  'signing on: no provider, for a program': {
    ...signingOn('issuer_unavailable', {
      attempt: ({ port }) =>
        ask(port, request('POST /sign-on/device', { 'Content-Type': 'application/json' }, '{}')),
    }),
    isPage: false,
  },
};
const ALL_CASES = { ...CASES, ...GATE_CASES, ...SIGN_ON_CASES };

/** These ask for a proof, or for another one. */
const DEMANDING: readonly RefusalCode[] = ['identity_required', 'challenge_stale'];

let downloads: string;
beforeAll(async () => {
  downloads = await mkdtemp(join(tmpdir(), 'converge-refusals-'));
  const digest = createHash('sha256').update('ten bytes!').digest('hex');
  await writeFile(join(downloads, 'agent-linux-x64'), 'ten bytes!');
  await writeFile(
    join(downloads, 'SHA256SUMS'),
    `${digest}  agent-linux-x64\n${digest}  tcptows-linux-x64\n`,
  );
});
afterAll(async () => {
  await rm(downloads, { recursive: true, force: true });
});

/** How often each code was counted, those that were not left out. */
async function countsOf(relay: RunningRelay): Promise<Partial<Record<RefusalCode, number>>> {
  const counts: Partial<Record<RefusalCode, number>> = {};
  const text = await (await fetch(`http://127.0.0.1:${relay.internalPort}/metrics`)).text();
  for (const code of CODES) {
    const count = sumOf(text, `converge_refusals_total{code="${code}"}`);
    if (count > 0) counts[code] = count;
  }
  return counts;
}

test.each(Object.entries(ALL_CASES))('%s', async (_, { code, setUp, attempt, isPage = false, address }) => {
  const env = { CLUSTER_SECRET: SECRET, ...setUp?.env };
  await using relay = await startRelay({ downloads, ...setUp, env });
  const answer = await attempt(relay, (setUp?.clock ?? new ManualClock()) as ManualClock);
  expect(answer.status).toBe(REFUSALS[code].status);
  if (isPage) expect(answer.headers).toContain('content-type: text/html; charset=utf-8');
  else expect(answer.headers).toContain('content-type: application/json; charset=utf-8');
  const demand = { kinds: ['token'], challenge: 'challenge' };
  if (answer.body !== '' && !isPage)
    expect(JSON.parse(answer.body)).toEqual({
      code,
      message: expect.stringMatching(/.../) as string,
      ...(DEMANDING.includes(code) ? { identity: demand } : {}),
    });
  await until('it is counted', async () => Object.keys(await countsOf(relay)).length > 0);
  expect(await countsOf(relay)).toEqual({ [code]: 1 });
  const lines = relay.log.filter((line) => 'code' in line || line.msg === 'request refused');
  expect(lines).toMatchObject([{ msg: 'request refused', level: 30, code, address: address ?? '127.0.0.1' }]);
});

test('each code of the table is refused above, except the faults, which are told as errors', () => {
  const refused = new Set(Object.values(ALL_CASES).map(({ code }) => code));
  expect(CODES.filter((code) => !refused.has(code))).toEqual(['fault']);
});

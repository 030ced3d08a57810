// The agent's routes: /agent/ID, the control link, and /agent/ID/stream/TICKET, one stream for one client.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ACCESS_FROM_POLICY, ACCESS_HEADER } from '#shared/protocol/access.ts';
import { CLAIM_HEADER, GRANT_HEADER, hashClaim, isClaim } from '#shared/protocol/claim.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import { MAX_CONTROL_BYTES, parseAgentMessage } from '#shared/protocol/control-messages.ts';
import { downloadPath, parsePublicTarget } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, parseSubprotocols } from '#shared/protocol/subprotocols.ts';
import { createLinkEndpoint } from '#shared/websocket/accept-link.ts';
import { controlLinkOver } from '#shared/websocket/control-link.ts';
import { AGENT_BUDGET, OVER_BUDGET_LINGER_MS, TOO_MANY_PIECES } from '#shared/websocket/link-budget.ts';
import type { AgentPlaces } from '../../gate/agent-places.ts';
import type { Entry, Gate } from '../../gate/gate.ts';
import { undefinedIfRegistryIsAway } from '../../registry/registry-unavailable.ts';
import type { Agent, AgentTable } from '../../session/agent-table.ts';
import type { Grantee } from '../../session/needs.ts';
import type { OwnerCheck } from '../../session/owner-check.ts';
import { askerOf } from '../door/asker.ts';
import { refusedByGate, shownBy } from '../door/gate-door.ts';
import { releaseWith } from '../door/public-door.ts';
import { Refused, refusedOver } from '../door/refusal.ts';
import { refusedId, refusedLeaving } from '../door/usual-refusals.ts';
import type { MalformedRecorder } from '../listener/malformed.ts';
import { acceptUpgrade, handshakeSocket } from '../listener/upgrade.ts';
import { type AgentStreamOptions, acceptAgentStream, type HopRecorder } from './agent-stream.ts';
import { originOf } from './public-origin.ts';

/** What an agent did that ws does not put up with. */
const REASONS_OF_ERRORS: Readonly<Record<string, CloseReason>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'too_big',
  [TOO_MANY_PIECES]: 'over_budget',
};

/** An agent ends by itself when the time of its rule is over. One that does not is cut off this much later, in milliseconds. */
export const END_GRACE_MS = 10_000;

/** Counts what agents do on their routes. */
export interface AgentRouteRecorder extends HopRecorder, MalformedRecorder {
  /** A control message of a type that this version does not know. */
  controlMessageIgnored(): void;
}

export interface AgentRouteOptions extends AgentStreamOptions {
  readonly agents: AgentTable;
  readonly owners: Pick<OwnerCheck, 'check'>;
  readonly gate: Pick<Gate, 'letIn'>;
  readonly places: Pick<AgentPlaces, 'keep' | 'leave' | 'forget'>;
  readonly publicUrl: URL | undefined;
  /** Whether agents are to tell what happens in their jobs. */
  readonly keepsRecord: boolean;
  /** Whether there is a page that is a client, at this moment. */
  readonly hasTerminal: () => boolean;
  readonly recorder: AgentRouteRecorder;
}

export function registerAgentRoutes(app: FastifyInstance, options: AgentRouteOptions): void {
  const { admission, agents, clock, gate, leaving, places, recorder } = options;
  const control = createLinkEndpoint(MAX_CONTROL_BYTES, () => AGENT_CONTROL);

  app.get('/agent/*', async (request, reply) => {
    const target = parsePublicTarget(request.raw.url ?? '');
    if (target.kind === 'invalid_id') return refusedId(target.id);
    if (target.kind !== 'agent' && target.kind !== 'agent_stream') {
      return new Refused('not_found', 'the paths of an agent are /agent/ID and /agent/ID/stream/TICKET');
    }
    const socket = handshakeSocket(request);
    if (socket === undefined) {
      return new Refused('upgrade_required', `${request.url} speaks WebSocket: run ./agent with this URL`);
    }
    if (target.kind === 'agent_stream') return acceptAgentStream(request, reply, target, options);
    if (leaving.aborted) return refusedLeaving();
    const place = admission.admit('links', askerOf(request));
    if (place.kind === 'over') return refusedOver(place, { id: target.id });
    releaseWith(socket, place.slot);
    return acceptLink(request, reply, target.id);
  });

  async function acceptLink(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
  ): Promise<FastifyReply | Refused> {
    const offered = parseSubprotocols(request.headers['sec-websocket-protocol']);
    const origin = originOf(request, options.publicUrl);
    if (!offered.includes(AGENT_CONTROL)) {
      const message = `this relay speaks ${AGENT_CONTROL}: download the agent again from ${origin}${downloadPath('agent')}`;
      const words = offered.slice(0, 4).map((word) => word.slice(0, 64));
      return new Refused('upgrade_required', message, { fields: { id, offered: words } });
    }
    const claim = request.headers[CLAIM_HEADER];
    if (typeof claim !== 'string' || !isClaim(claim)) {
      const message = `the header ${CLAIM_HEADER} must carry a claim secret`;
      return new Refused('unauthorized', message, { fields: { id } });
    }
    const claimHash = hashClaim(claim);
    const asker = askerOf(request);
    const { address } = asker;
    const verdict = await gate.letIn({ role: 'agent', id, claimHash, ...asker }, shownBy(request));
    if (verdict.kind === 'refused') return refusedByGate(verdict, { id });
    const entry = verdict.kind === 'admitted' ? verdict.entry : undefined;
    const grant = request.headers[GRANT_HEADER];
    const claimed = await agents
      .claim(id, claimHash, typeof grant === 'string' ? grant : undefined)
      .catch(undefinedIfRegistryIsAway);
    if (claimed?.kind !== 'claimed') leavePlace({ id, claimHash });
    if (claimed === undefined) {
      const message = 'the registry is not reachable: try again';
      return new Refused('registry_unavailable', message, { fields: { id } });
    }
    if (claimed.kind === 'taken') {
      void options.owners.check(id);
      const message = `ID ${id} is taken by a running agent: choose another, or wait until that one has ended`;
      return new Refused('id_taken', message, { fields: { id } });
    }
    const isAccepted = acceptUpgrade(request, reply, control, (socket, transport) => {
      let hasIgnored = false;
      const link = controlLinkOver(socket, transport, {
        clock,
        budget: AGENT_BUDGET,
        parse: parseAgentMessage,
        reasonsOfErrors: REASONS_OF_ERRORS,
        lingerAfterErrorMs: OVER_BUDGET_LINGER_MS,
        onMessage: (message) => agents.heard(agent, message),
        onUnknown: (type) => {
          recorder.controlMessageIgnored();
          // Each is counted; one line per link, so that no agent can fill the log.
          if (!hasIgnored) request.log.info({ id, type }, 'control message of an unknown type ignored');
          hasIgnored = true;
        },
        onClosed: (reason) => {
          cancelEnd();
          agents.detach(agent, reason);
          void leavePlaceAfter(agent, reason);
        },
      });
      const { epoch, tenure } = claimed;
      const { admittance, standing, isFirst = grant === undefined } = entry ?? {};
      const attached = { id, claimHash, epoch, tenure, address, link, admittance, standing, isFirst };
      const agent = agents.attach(attached);
      if (entry?.limits?.agents !== undefined) places.keep(entry.standing.rule, agent);
      const lifetimeMs = entry === undefined ? 0 : remainingMs(entry);
      const cancelEnd =
        lifetimeMs === 0
          ? () => undefined
          : clock.after(lifetimeMs + END_GRACE_MS, () => {
              link.close('expired');
            });
      const { pod } = options.self;
      const pass = entry?.pass ?? '';
      const { hasTerminal, keepsRecord: audit } = options;
      const own = { grant: agents.grantFor(agent), pass, lifetimeMs, audit, terminal: hasTerminal() };
      link.send({ type: 'welcome', id, epoch, pod, publicUrl: origin, ...own });
      if (request.headers[ACCESS_HEADER] === ACCESS_FROM_POLICY) {
        const { userAuthorities: authorities = [], people = [] } = entry?.access ?? {};
        link.send({ type: 'access', authorities, people });
      }
    });
    if (!isAccepted) {
      leavePlace({ id, claimHash });
      agents.forsake({ id, epoch: claimed.epoch });
      recorder.requestMalformed('not_http');
      request.log.info({ id, address }, 'agent left at the upgrade');
    }
    return reply;
  }

  /** A link that was closed may have a successor, here or on another pod, whatever it said at its end. */
  async function leavePlaceAfter(agent: Agent, reason: CloseReason): Promise<void> {
    const isDone = reason === 'ended' && !leaving.aborted && (await agents.isGone(agent));
    if (isDone) leavePlace(agent);
    else if (!isLinked(agent)) places.forget(agent);
  }

  /** A link that never came to be may have been the second of an agent that is linked. */
  function leavePlace(agent: Grantee): void {
    if (!isLinked(agent)) places.leave(agent);
  }

  function isLinked({ id, claimHash }: Grantee): boolean {
    return agents.get(id)?.claimHash === claimHash;
  }

  /** What is left of the time that its rule allows, in milliseconds; 0 if the rule sets no limit. */
  function remainingMs({ limits, standing }: Entry): number {
    const { lifetimeMs } = limits ?? {};
    if (lifetimeMs === undefined) return 0;
    // A pass of a pod whose clock is ahead says a later beginning; no timer is longer than the whole.
    return Math.min(lifetimeMs, Math.max(1, standing.since + lifetimeMs - clock.wallTime()));
  }
}

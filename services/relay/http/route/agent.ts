// The agent's routes: /agent/ID, the control link, and /agent/ID/stream/TICKET, one stream for one client.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CLAIM_HEADER, GRANT_HEADER, hashClaim, isClaim } from '#shared/protocol/claim.ts';
import { MAX_CONTROL_BYTES } from '#shared/protocol/control-messages.ts';
import { downloadPath, ID_RULE, parsePublicTarget } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, parseSubprotocols } from '#shared/protocol/subprotocols.ts';
import type { Agent } from '../../session/agent-table.ts';
import { releaseWith } from '../door/admission.ts';
import { askerOf } from '../door/asker.ts';
import { addressOf, originOf } from '../door/origin.ts';
import { refuse, refuseOver } from '../door/refusal.ts';
import { acceptUpgrade, createEndpoint, handshakeSocket } from '../listener/upgrade.ts';
import { acceptAgentStream } from './agent-stream.ts';
import { controlLinkOver } from './control-link.ts';
import type { RouteOptions } from './route-options.ts';

export function registerAgentRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { admission, agents, clock, recorder, registryFailed } = options;
  const control = createEndpoint(MAX_CONTROL_BYTES, () => AGENT_CONTROL);

  app.get('/agent/*', async (request, reply) => {
    const target = parsePublicTarget(request.raw.url ?? '');
    if (target.kind === 'invalid_id') {
      return refuse(reply, recorder, 'invalid_id', `an ID is ${ID_RULE}`, { id: target.id.slice(0, 160) });
    }
    if (target.kind !== 'agent' && target.kind !== 'agent_stream') {
      return refuse(
        reply,
        recorder,
        'not_found',
        'the paths of an agent are /agent/ID and /agent/ID/stream/TICKET',
      );
    }
    const socket = handshakeSocket(request);
    if (socket === undefined) {
      return refuse(
        reply,
        recorder,
        'upgrade_required',
        `${request.url} speaks WebSocket: run ./agent with this URL`,
      );
    }
    if (target.kind === 'agent_stream') return acceptAgentStream(request, reply, target, options);
    if (options.draining())
      return refuse(reply, recorder, 'draining', 'this relay is going away: try again now');
    const place = admission.admit('links', askerOf(request));
    if (place.kind === 'over') return refuseOver(reply, recorder, place, { id: target.id });
    releaseWith(socket, place.slot);
    return acceptLink(request, reply, target.id);
  });

  async function acceptLink(request: FastifyRequest, reply: FastifyReply, id: string): Promise<FastifyReply> {
    const offered = parseSubprotocols(request.headers['sec-websocket-protocol']);
    const origin = originOf(request, options.publicUrl);
    if (!offered.includes(AGENT_CONTROL)) {
      const message = `this relay speaks ${AGENT_CONTROL}: download the agent again from ${origin}${downloadPath('agent')}`;
      const words = offered.slice(0, 4).map((word) => word.slice(0, 64));
      return refuse(reply, recorder, 'upgrade_required', message, { id, offered: words });
    }
    const claim = request.headers[CLAIM_HEADER];
    if (typeof claim !== 'string' || !isClaim(claim)) {
      return refuse(reply, recorder, 'unauthorized', `the header ${CLAIM_HEADER} must carry a claim secret`, {
        id,
      });
    }
    const claimHash = hashClaim(claim);
    const grant = request.headers[GRANT_HEADER];
    const claimed = await agents
      .claim(id, claimHash, typeof grant === 'string' ? grant : undefined)
      .catch(registryFailed);
    if (claimed === undefined) {
      return refuse(reply, recorder, 'registry_unavailable', 'the registry is not reachable: try again', {
        id,
      });
    }
    if (claimed.kind === 'taken') {
      void options.owners.check(id);
      const message = `ID ${id} is taken by a running agent: choose another, or wait until that one has ended`;
      return refuse(reply, recorder, 'id_taken', message, { id });
    }
    const address = addressOf(request);
    const isAccepted = acceptUpgrade(request, reply, control, (socket, transport) => {
      let agent: Agent | undefined;
      let hasIgnored = false;
      const link = controlLinkOver(socket, transport, {
        clock,
        onMessage: (message) => {
          if (agent !== undefined) agents.heard(agent, message);
        },
        onIgnored: (type) => {
          recorder.controlMessageIgnored();
          // Each is counted; one line per link, so that no agent can fill the log.
          if (!hasIgnored) request.log.info({ id, type }, 'control message of an unknown type ignored');
          hasIgnored = true;
        },
        onClosed: (reason) => {
          if (agent !== undefined) agents.detach(agent, reason);
        },
      });
      const { epoch, tenure } = claimed;
      agent = agents.attach({ id, claimHash, epoch, tenure, address, link });
      const { pod } = options.self;
      link.send({ type: 'welcome', id, epoch, pod, publicUrl: origin, grant: agents.grantFor(agent) });
    });
    if (!isAccepted) {
      agents.forsake({ id, epoch: claimed.epoch });
      recorder.requestMalformed('not_http');
      request.log.info({ id, address }, 'agent left at the upgrade');
    }
    return reply;
  }
}

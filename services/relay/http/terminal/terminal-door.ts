// The door of the terminal: why a page's WebSocket was refused, which browsers tell no page.
import type { FastifyInstance } from 'fastify';
import { isValidId, terminalDoorPath } from '#shared/protocol/paths.ts';
import type { Gate } from '../../gate/gate.ts';
import type { AgentRegistry } from '../../registry/registry.ts';
import { undefinedIfRegistryIsAway } from '../../registry/registry-unavailable.ts';
import { askerOf } from '../door/asker.ts';
import { type OwnOrigins, refuseForeignOrigin } from '../door/foreign-origin.ts';
import { type BrowserTerms, refusedByGate, shownByClient } from '../door/gate-door.ts';
import { Refused } from '../door/refusal.ts';
import { refusedId } from '../door/usual-refusals.ts';

export interface TerminalDoorOptions extends BrowserTerms {
  readonly gate: Pick<Gate, 'wouldLetIn'>;
  readonly agents: { get(id: string): object | undefined };
  readonly registry: Pick<AgentRegistry, 'lookup'>;
  readonly origins: OwnOrigins;
}

/**
 * Adds `POST /terminal/ID/door`, with an empty body: the refusal that `/client/ID` would answer with now, or `{"code":"open"}`.
 * POST, since browsers say then which page asks, as they do with a WebSocket. It tells nobody more than a handshake would.
 */
export function registerTerminalDoor(app: FastifyInstance, options: TerminalDoorOptions): void {
  const { agents, gate, origins, registry } = options;
  app.post<{ Params: { id: string } }>(terminalDoorPath(':id'), async (request, reply) => {
    const { id } = request.params;
    if (!isValidId(id)) return refusedId(id);
    void reply.header('cache-control', 'no-store');
    const foreign = refuseForeignOrigin(
      request,
      origins,
      'a page of another site must not ask this: TERMINAL_ORIGINS can name it',
    );
    if (foreign !== undefined) return foreign;
    // To a page of TERMINAL_ORIGINS; to our own it says nothing.
    const { origin } = request.headers;
    if (origin !== undefined) void reply.headers({ 'access-control-allow-origin': origin, vary: 'origin' });
    const asking = { role: 'client', id, claimHash: '', ...askerOf(request) } as const;
    const verdict = await gate.wouldLetIn(asking, shownByClient(request, options));
    if (verdict.kind === 'refused') return refusedByGate(verdict, { id });
    if (agents.get(id) !== undefined) return { code: 'open' };
    const found = await registry.lookup(id).then(
      (entry) => ({ entry }),
      (error: unknown) => undefinedIfRegistryIsAway(error),
    );
    if (found === undefined) {
      const message = 'the registry is not reachable, so the agent cannot be found: try again';
      return new Refused('registry_unavailable', message, { fields: { id } });
    }
    if (found.entry !== undefined) return { code: 'open' };
    const message = `no agent with the ID ${id} is connected: has the job ended?`;
    return new Refused('agent_not_found', message, { fields: { id } });
  });
}

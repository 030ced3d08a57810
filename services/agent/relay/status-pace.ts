// The pace of the status: every link that is up gets the newest one, but no oftener than a relay takes it.
import type { AgentMessage, AgentStatus } from '#shared/protocol/control-messages.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ControlLink } from '#shared/websocket/control-link.ts';
import { AGENT_PACE } from '#shared/websocket/link-budget.ts';

/** Sends it to a link on its arrival, and to all of them at most once in AGENT_PACE.statusEveryMs. */
export class StatusPace {
  readonly #clock: Clock;
  /** Those that are up now. */
  readonly #links: ReadonlySet<ControlLink<AgentMessage>>;
  #newest: AgentStatus | undefined;
  #told: AgentStatus | undefined;
  /** Set until a status may be sent again; then the newest one is sent. */
  #cancelRest: Cancel | undefined;

  constructor(clock: Clock, links: ReadonlySet<ControlLink<AgentMessage>>) {
    this.#clock = clock;
    this.#links = links;
  }

  tell(status: AgentStatus): void {
    this.#newest = status;
    if (this.#cancelRest === undefined) this.#tellNewest();
  }

  /** A link is up that knows nothing yet. */
  greet(link: ControlLink<AgentMessage>): void {
    if (this.#newest !== undefined) link.send(this.#newest);
  }

  /** May be called twice. */
  stop(): void {
    this.#cancelRest?.();
  }

  #tellNewest(): void {
    this.#cancelRest = undefined;
    const newest = this.#newest;
    if (newest === undefined || newest === this.#told || this.#links.size === 0) return;
    this.#told = newest;
    for (const link of this.#links) link.send(newest);
    this.#cancelRest = this.#clock.after(AGENT_PACE.statusEveryMs, () => {
      this.#tellNewest();
    });
  }
}

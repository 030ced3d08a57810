// Untold resumptions: what became of streams that lost their transport, until they may be reported to a relay.
import type { AgentMessage, Resumption } from '#shared/protocol/control-messages.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { TokenBucket } from '#shared/time/token-bucket.ts';
import type { ControlLink } from '#shared/websocket/control-link.ts';
import { AGENT_PACE } from '#shared/websocket/link-budget.ts';

/** More than this is not kept: it is for metrics only. */
const MAX_UNTOLD = 100;

/** How soon those are tried again that came too fast, in milliseconds. */
const TOLD_AGAIN_MS = 1_000;

/** Kept in their order, and reported once each. */
export class UntoldResumptions {
  readonly #clock: Clock;
  /** Those that are up now, the newest last. */
  readonly #links: ReadonlySet<ControlLink<AgentMessage>>;
  readonly #untold: Resumption[] = [];
  readonly #pace: TokenBucket;
  #cancelAgain: Cancel | undefined;

  constructor(clock: Clock, links: ReadonlySet<ControlLink<AgentMessage>>) {
    this.#clock = clock;
    this.#links = links;
    this.#pace = new TokenBucket(AGENT_PACE.resumptions, clock.now());
  }

  tell(resumption: Resumption): void {
    if (this.#untold.length < MAX_UNTOLD) this.#untold.push(resumption);
    this.tellRest();
  }

  /** Reports as many as a link and the pace allow; the others follow a little later. */
  tellRest(): void {
    // During a move there are two; the newer one stays.
    const link = [...this.#links].at(-1);
    if (link === undefined) return;
    for (let next = this.#untold[0]; next !== undefined; [next] = this.#untold) {
      if (this.#pace.take(this.#clock.now()) > 0) break;
      this.#untold.shift();
      link.send(next);
    }
    if (this.#untold.length === 0) return;
    this.#cancelAgain ??= this.#clock.after(TOLD_AGAIN_MS, () => {
      this.#cancelAgain = undefined;
      this.tellRest();
    });
  }

  /** May be called twice. */
  stop(): void {
    this.#cancelAgain?.();
  }
}

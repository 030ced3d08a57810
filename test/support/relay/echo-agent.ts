// An agent whose sessions echo: the real link and the real intake of streams, with nothing of SSH behind them.
import type { Duplex } from 'node:stream';
import type { Prover } from '#shared/identity/proof-maker.ts';
import { createClaim } from '#shared/protocol/claim.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Welcome } from '#shared/protocol/control-messages.ts';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import type { LinkFailure } from '../../../services/agent/relay/link-failure.ts';
import { createRelayLink, type RelayLink } from '../../../services/agent/relay/relay-link.ts';
import { resumptionFrom } from '../../../services/agent/relay/resumption.ts';
import { createStreamIntake, type StreamIntake } from '../../../services/agent/relay/stream-intake.ts';
import { until } from '../time/poll.ts';
import { NO_PROOF } from './no-proof.ts';

/** Longer than any test: a session must not end by it. */
const RESUME_WINDOW_MS = 300_000;

export interface EchoAgentOptions {
  readonly id: string;
  /** Where it holds its control link. */
  readonly linkPort: number;
  /** Where it brings its streams; by default there, too. */
  readonly streamPort?: number;
  readonly claim?: string;
  readonly clock?: Clock;
  /** For relays that ask who it is. */
  readonly prover?: Prover;
  /** Instead of the echo. */
  readonly onSession?: (duplex: Duplex) => void;
}

export class EchoAgent implements AsyncDisposable {
  readonly id: string;
  readonly claim: string;
  readonly welcomes: Welcome[] = [];
  readonly losses: CloseReason[] = [];
  readonly troubles: LinkFailure[] = [];
  /** What happened to its resumable sessions. */
  readonly events: string[] = [];
  failure: LinkFailure | undefined;
  readonly #link: RelayLink;
  readonly #intake: StreamIntake;

  /** Starts dialling at once. */
  constructor({ id, linkPort, streamPort = linkPort, ...options }: EchoAgentOptions) {
    const { clock = systemClock, onSession = echo, prover = NO_PROOF } = options;
    this.id = id;
    this.claim = options.claim ?? createClaim();
    const targetAt = (port: number) => ({
      base: `ws://127.0.0.1:${port}`,
      id,
      claim: this.claim,
      proxy: undefined,
    });
    this.#link = createRelayLink({
      target: targetAt(linkPort),
      clock,
      random: Math.random,
      prover,
    });
    this.#intake = createStreamIntake({
      target: targetAt(streamPort),
      clock,
      random: Math.random,
      resumeWindowMs: RESUME_WINDOW_MS,
      loggedInFrom: () => 0,
      events: {
        onTurnedAway: (address) => this.events.push(`turned away: ${address}`),
        onMoved: () => {},
        onStream: (duplex) => {
          duplex.on('error', () => undefined);
          onSession(duplex);
        },
        onEvent: (event) => {
          this.events.push(event.kind);
          const resumption = resumptionFrom(event);
          if (resumption !== undefined) this.#link.tell(resumption);
        },
        onFailed: (detail) => this.events.push(`dial failed: ${detail}`),
      },
    });
    this.#link.start({
      status: () => ({ type: 'status', clients: 0, detached: 0, expiresAt: 0 }),
      onWelcome: (welcome) => this.welcomes.push(welcome),
      onDial: (dial) => {
        this.#intake.answer(dial);
      },
      onUnreadableDial: (detail) => this.events.push(`unreadable dial: ${detail}`),
      onLost: (reason) => this.losses.push(reason),
      isBusy: () => false,
      onTrouble: (failure) => this.troubles.push(failure),
      onFailed: (failure) => {
        this.failure = failure;
      },
    });
  }

  /** The pod of its newest link. */
  get pod(): string | undefined {
    return this.welcomes.at(-1)?.pod;
  }

  /** Resolves once it has been welcomed `count` times. */
  async linked(count = 1, withinMs = 20_000): Promise<this> {
    await until(`agent ${this.id} linked ${count} times`, () => this.welcomes.length >= count, withinMs);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.stop();
    await this.#intake.stop({ reason: 'ended' }, 0);
  }
}

function echo(duplex: Duplex): void {
  duplex.pipe(duplex);
}

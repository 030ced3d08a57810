// A new transport, until it is known whether it is plain or resumable.
//
//   state            event                            next     the transport is
//   silent           the first byte is an OPEN's      opening
//   silent           another first byte               settled  plain
//   silent           1 s, if its kind is unknown      settled  plain: it waits for a banner
//   silent           10 s, if it should resume        opening  without any time left
//   opening          a frame, of whatever kind        settled  framed
//   opening          10 s, counted from the start     settled  late
//   silent, opening  it ended, or `cut`               settled  gone
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import { FramedTransport } from './framed-transport.ts';
import { FRAME_TYPES } from './frames.ts';
import { OPEN_TIMEOUT_MS, PLAIN_AFTER_MS } from './limits.ts';
import { SniffedStream } from './sniffed-stream.ts';

/**
 * What the relay's label says of a transport. `unknown`: the first byte decides, and silence means plain;
 * `resume`: the first byte decides, and silence is an error (a slow network, not a client that waits for a banner).
 */
export type Expectation = 'plain' | 'resume' | 'unknown';

export type Recognized =
  | { readonly kind: 'plain'; readonly stream: ByteStream }
  | { readonly kind: 'framed'; readonly transport: FramedTransport; readonly frame: ReceivedFrame }
  | { readonly kind: 'late'; readonly transport: FramedTransport }
  | { readonly kind: 'gone' };

export interface NewTransportOptions {
  readonly clock: Clock;
  /** Nobody has attached to it. */
  readonly transport: ByteStream;
  readonly expects: Expectation;
  /** Called once. */
  readonly settled: (what: Recognized) => void;
}

type NewTransportState =
  | { readonly kind: 'silent' | 'opening'; readonly cancelTimeout: Cancel }
  | { readonly kind: 'settled' };

export class NewTransport {
  readonly #options: NewTransportOptions;
  #state: NewTransportState = { kind: 'silent', cancelTimeout: () => {} };

  constructor(options: NewTransportOptions) {
    this.#options = options;
  }

  /** Starts reading. Called once. */
  start(): void {
    const { clock, transport, expects } = this.#options;
    if (expects === 'plain') return this.#settle({ kind: 'plain', stream: transport });
    const openBy = clock.now() + OPEN_TIMEOUT_MS;
    const stream = new SniffedStream(transport);
    const cancelTimeout =
      expects === 'resume'
        ? clock.after(OPEN_TIMEOUT_MS, () => this.#awaitOpen(stream, 0))
        : clock.after(PLAIN_AFTER_MS, () => this.#settle({ kind: 'plain', stream }));
    this.#state = { kind: 'silent', cancelTimeout };
    stream.watch({
      first: (byte) => {
        if (byte === FRAME_TYPES.open) this.#awaitOpen(stream, openBy - clock.now());
        else this.#settle({ kind: 'plain', stream });
      },
      gone: () => this.#settle({ kind: 'gone' }),
    });
  }

  /** Ends the transport, unless it is settled what it is. */
  cut(end: StreamEnd): void {
    if (this.#state.kind === 'settled') return;
    this.#settle({ kind: 'gone' });
    this.#options.transport.cut(end);
  }

  #awaitOpen(stream: ByteStream, withinMs: number): void {
    if (this.#state.kind !== 'silent') return;
    this.#state.cancelTimeout();
    const transport = new FramedTransport(stream);
    const cancelTimeout = this.#options.clock.after(withinMs, () =>
      this.#settle({ kind: 'late', transport }),
    );
    this.#state = { kind: 'opening', cancelTimeout };
    transport.start({
      received: (frame) => this.#settle({ kind: 'framed', transport, frame }),
      drained: () => {},
      ended: () => this.#settle({ kind: 'gone' }),
    });
  }

  #settle(what: Recognized): void {
    if (this.#state.kind === 'settled') return;
    this.#state.cancelTimeout();
    this.#state = { kind: 'settled' };
    this.#options.settled(what);
  }
}

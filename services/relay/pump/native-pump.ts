// The native pump: joins sessions whose two legs it can take outside of JavaScript, and all others as joinStreams does.
import { getSystemErrorName } from 'node:util';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { type Join, type JoinEnd, type JoinOptions, joinStreams } from '#shared/stream/join.ts';
import { lendSocket } from '#shared/websocket/frame-stream.ts';
import type { Borrower, Loan, LoanRest } from '#shared/websocket/loan.ts';
import type { Pump } from './pump.ts';
import { COUNTERS, type LegRest, type PumpAddon, type PumpHandle } from './pump-addon.ts';

type Pair<Of> = readonly [Of, Of];

/** A session in the pump's hands. */
interface Pumped {
  readonly loans: Pair<Loan>;
  readonly legs: Pair<LegCounters>;
  readonly onBytes: JoinOptions['onBytes'];
  /** What is to be told then: both streams have ended before, since they were cut. */
  onBack?: () => void;
}

/** Starts the threads. @throws PumpError what the kernel refuses */
export function startPump(addon: PumpAddon, threads: number): Pump {
  const handle = addon.start(threads, (id, left, right) =>
    pump.giveBack(id, restFrom(left), restFrom(right)),
  );
  if (typeof handle === 'number') throw new PumpError(getSystemErrorName(handle));
  const pump = new NativePump(addon, handle);
  return pump;
}

/** The threads could not be started; `message` says why. */
export class PumpError extends Error {
  readonly code = 'pump_not_started';
  override readonly name = 'PumpError';
}

class NativePump implements Pump {
  readonly #addon: PumpAddon;
  readonly #pump: PumpHandle;
  readonly #sessions = new Map<number, Pumped>();
  readonly #onIdle: (() => void)[] = [];
  /** `closing`: it takes no session any more. */
  #phase: 'open' | 'closing' | 'stopped' = 'open';

  /** Starts nothing: `startPump` has. */
  constructor(addon: PumpAddon, pump: PumpHandle) {
    this.#addon = addon;
    this.#pump = pump;
  }

  get size(): number {
    return this.#sessions.size;
  }

  join(left: ByteStream, right: ByteStream, options: JoinOptions): Join {
    const id = this.#take(left, right, options.onBytes);
    if (id === undefined) return joinStreams(left, right, options);
    // Its end is told with all its bytes.
    const onEnded = (end: JoinEnd) => {
      const session = this.#sessions.get(id);
      if (session === undefined) options.onEnded?.(end);
      else session.onBack = () => options.onEnded?.(end);
    };
    return joinStreams(left, right, { ...options, onEnded });
  }

  count(): void {
    for (const session of this.#sessions.values()) countBytes(session);
  }

  stop(): void {
    if (this.#phase === 'stopped') return;
    this.#phase = 'stopped';
    for (const id of this.#sessions.keys()) this.giveBack(id, STOPPED, STOPPED);
    this.#addon.stop(this.#pump);
  }

  async idle(): Promise<void> {
    if (this.#phase === 'open') this.#phase = 'closing';
    if (this.#sessions.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle.push(resolve);
    await promise;
  }

  /** The id of the session. Undefined: it is for JavaScript. */
  #take(left: ByteStream, right: ByteStream, onBytes: JoinOptions['onBytes']): number | undefined {
    if (this.#phase !== 'open') return undefined;
    const one = lendSocket(left);
    if (one === undefined) return undefined;
    const other = lendSocket(right);
    if (other === undefined) {
      one.restore(untouched(one));
      return undefined;
    }
    const id = this.#addon.join(
      this.#pump,
      one.descriptor,
      one.isClient,
      one.head,
      other.descriptor,
      other.isClient,
      other.head,
    );
    if (id <= 0) {
      // No more descriptors: the session needs none of its own in JavaScript.
      one.restore(untouched(one));
      other.restore(untouched(other));
      return undefined;
    }
    const legs = [this.#countersOf(id, 0), this.#countersOf(id, 1)] as const;
    this.#sessions.set(id, { loans: [one, other], legs, onBytes });
    one.to(this.#borrowerOf(id, 0, legs));
    other.to(this.#borrowerOf(id, 1, legs));
    return id;
  }

  #countersOf(id: number, side: 0 | 1): LegCounters {
    return new LegCounters((counters) => this.#addon.read(this.#pump, id, side, counters));
  }

  #borrowerOf(id: number, side: 0 | 1, legs: Pair<LegCounters>): Borrower {
    const own = legs[side];
    return {
      get bytesRead() {
        return own.at('read');
      },
      get heldBytes() {
        return own.at('held');
      },
      ping: () => {
        this.#addon.ping(this.#pump, id, side);
      },
      // A leg is not read while the other one is full.
      watch() {
        const before = legs.map((leg) => leg.at('holdUps'));
        return () => legs.some((leg, at) => leg.at('held') > 0 || leg.at('holdUps') !== before[at]);
      },
      recall: () => {
        this.#addon.recall(this.#pump, id);
      },
    };
  }

  /** The streams go on in JavaScript. Called once for each session, by the addon or by `stop`. */
  giveBack(id: number, left: LoanRest, right: LoanRest): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    countBytes(session);
    this.#sessions.delete(id);
    const [one, other] = session.loans;
    one.restore(left);
    other.restore(right);
    one.goOn();
    other.goOn();
    session.onBack?.();
    if (this.#sessions.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

/** What the pump has counted of one leg. */
class LegCounters {
  readonly #read: (counters: Float64Array) => void;
  readonly #counters = new Float64Array(Object.keys(COUNTERS).length);
  /** Payload that was told of. */
  told = 0;

  constructor(read: (counters: Float64Array) => void) {
    this.#read = read;
  }

  at(counter: keyof typeof COUNTERS): number {
    this.#read(this.#counters);
    return this.#counters[COUNTERS[counter]] ?? 0;
  }
}

function countBytes({ legs: [left, right], onBytes }: Pumped): void {
  for (const [side, leg] of [['left', left] as const, ['right', right] as const]) {
    const payload = leg.at('payload');
    const bytes = payload - leg.told;
    // First: whoever is told may ask for a count itself.
    leg.told = payload;
    if (bytes > 0) onBytes?.(side, bytes);
  }
}

function restFrom({ errno, ...rest }: LegRest): LoanRest {
  return errno === 0 ? rest : { ...rest, fault: getSystemErrorName(errno) };
}

/** Of a session that was not given back in time. */
const STOPPED: LoanRest = { left: 0, unread: Buffer.alloc(0), unsent: Buffer.alloc(0), fault: 'ECANCELED' };

/** Nothing was moved. */
function untouched({ head }: Loan): LoanRest {
  return { left: 0, unread: head, unsent: Buffer.alloc(0) };
}

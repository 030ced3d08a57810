// Arrivals: streams that a relay has asked for, until it is known what they are; there is a limited number of places for them.
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { Crowd, type CrowdLimits } from '../crowd/crowd.ts';

/**
 * Streams that are being dialled, or are open and have not said their first words (an OPEN frame, or the beginning of SSH).
 * Each takes a descriptor of the job. The first words come with the first packet, so people never reach these bounds. A client
 * that comes back for its stream gets a place from the headroom, or that of a silent stream: it is refused only if no stream
 * has been silent for `quietMs`. OPEN_TIMEOUT_MS bounds how long a stream may be silent at all.
 */
export const STREAM_CROWD: CrowdLimits = {
  start: 192,
  rate: 100,
  full: 192,
  perSource: 64,
  headroom: 64,
  quietMs: 1_000,
  tie: 'newcomer',
};

/** How far a stream has come. */
type Stage =
  | { readonly kind: 'dialling' }
  /** It has not said its first words. */
  | { readonly kind: 'open'; readonly cut: (end: StreamEnd) => void };

/** A stream on its way, until it is known what it is. */
export interface Arrival {
  readonly dialling: AbortController;
  stage: Stage;
  /** Gives its place back. May be called twice. */
  leave(): void;
}

export interface ArrivalsOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** How many are logged in from the source of this address, including those without a transport. */
  readonly loggedInFrom: (address: string) => number;
  /** A stream was cut for another one, or is not to be opened. */
  readonly onTurnedAway: (address: string) => void;
}

/** The arrivals of one agent. */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #crowd: Crowd;
  readonly #arrivals = new Set<Arrival>();
  #isStopping = false;

  constructor(options: ArrivalsOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#crowd = new Crowd({ limits: STREAM_CROWD, clock, random });
  }

  /** Takes a place for a stream; undefined if there is none, or no more are wanted. */
  comeIn(address: string): Arrival | undefined {
    if (this.#isStopping) return undefined;
    const { loggedInFrom, onTurnedAway } = this.#options;
    const place = this.#crowd.enter({
      address,
      known: loggedInFrom(address),
      onEvicted: () => {
        makeRoom(arrival);
        this.#arrivals.delete(arrival);
        onTurnedAway(address);
      },
    });
    if (place === undefined) {
      onTurnedAway(address);
      return undefined;
    }
    const arrival: Arrival = {
      dialling: new AbortController(),
      stage: { kind: 'dialling' },
      leave: () => {
        place.leave();
        this.#arrivals.delete(arrival);
      },
    };
    this.#arrivals.add(arrival);
    return arrival;
  }

  /** Stops the dialling; what is open stays. May be called twice. */
  stop(): void {
    this.#isStopping = true;
    for (const { dialling } of this.#arrivals) dialling.abort();
  }
}

/** Ends it, so that another may come. */
function makeRoom({ dialling, stage }: Arrival): void {
  switch (stage.kind) {
    case 'dialling':
      return dialling.abort();
    case 'open':
      return stage.cut({ reason: 'fault', detail: 'made room for another one' });
  }
}

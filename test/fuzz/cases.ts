// The cases of one kind: numbered, made of the seed, and kept while they are played, so that a fall can be told by its bytes.
import { Chance } from './chance.ts';

/** Attempts that have ended are kept for the report of a fall, which shows a moment later: as many as run at a time. */
const KEPT_ATTEMPTS = 64;

export interface CaseRange {
  readonly seed: number;
  readonly kind: string;
  /** Number of the first case, and of the one behind the last. */
  readonly from: number;
  readonly to: number;
}

/** What one attacker takes its cases from while it plays. */
export interface CaseSource {
  /** The next case, made by `make`; undefined when there are no more. */
  next(make: (chance: Chance) => Buffer): Buffer | undefined;
}

interface Played {
  readonly index: number;
  readonly bytes: Buffer;
}

export class Cases {
  readonly #range: CaseRange;
  readonly #running = new Set<readonly Played[]>();
  readonly #ended: (readonly Played[])[] = [];
  #next: number;

  constructor(range: CaseRange) {
    this.#range = range;
    this.#next = range.from;
  }

  get left(): number {
    return this.#range.to - this.#next;
  }

  /** How many were made so far. */
  get played(): number {
    return this.#next - this.#range.from;
  }

  /** Lets `play` take cases, and remembers them until it has ended and a few others after it. */
  async attempt(play: (source: CaseSource) => void | Promise<void>): Promise<void> {
    const { seed, kind, to } = this.#range;
    const played: Played[] = [];
    this.#running.add(played);
    await play({
      next: (make) => {
        if (this.#next >= to) return undefined;
        const index = this.#next;
        this.#next += 1;
        const bytes = make(new Chance(seed, kind, index));
        played.push({ index, bytes });
        return Buffer.from(bytes);
      },
    });
    // Those whose attempt throws stay among the running ones: they are the suspects.
    this.#running.delete(played);
    this.#ended.push(played);
    if (this.#ended.length > KEPT_ATTEMPTS) this.#ended.shift();
  }

  /** One line per case that was being played, or was just before: its number and its bytes. */
  suspects(): string[] {
    const { seed, kind } = this.#range;
    const running = [...this.#running].flat().map((played) => ['playing', played] as const);
    const ended = this.#ended.flat().map((played) => ['before', played] as const);
    return [...ended, ...running].map(
      ([when, { index, bytes }]) =>
        `  ${when}: --seed ${seed} --kind ${kind} --only ${index}: ${bytes.toString('hex')}`,
    );
  }
}

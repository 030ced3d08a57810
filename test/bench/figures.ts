// The figures of a run: samples under stable names, and what is made of them.

export type Unit = 's/GB' | 'ratio' | 'ms' | 's' | 'KiB' | '1/s' | 'MB' | 'MB/s';

export interface Figure {
  readonly name: string;
  /** Of the bench. */
  readonly part: string;
  readonly unit: Unit;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** In the order in which they were taken. */
  readonly samples: readonly number[];
}

interface Series {
  readonly part: string;
  readonly unit: Unit;
  readonly samples: number[];
}

export class Figures {
  readonly #series = new Map<string, Series>();
  /** What is added from now on is of this part. */
  part = '';

  /** One more sample of the figure `name`. */
  add(name: string, unit: Unit, sample: number): void {
    const series = this.#series.get(name) ?? { part: this.part, unit, samples: [] };
    series.samples.push(sample);
    this.#series.set(name, series);
  }

  get(name: string): Figure | undefined {
    const series = this.#series.get(name);
    return series === undefined ? undefined : figureFrom(name, series);
  }

  all(): Figure[] {
    return [...this.#series].map(([name, series]) => figureFrom(name, series));
  }
}

/** The value that `share` (0 to 1) of the samples do not exceed. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function medianOf(samples: readonly number[]): number {
  const sorted = samples.toSorted((left, right) => left - right);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

function figureFrom(name: string, { part, unit, samples }: Series): Figure {
  return {
    name,
    part,
    unit,
    median: medianOf(samples),
    least: Math.min(...samples),
    most: Math.max(...samples),
    samples,
  };
}

// A part of the bench: what one measurement is given.
import type { Figures } from './figures.ts';

export interface PartOptions {
  readonly figures: Figures;
  /** True for the sizes that the goals are about; false for a run of a minute. */
  readonly isFull: boolean;
  /** How often ours and the reference take turns. */
  readonly rounds: number;
  /** Tells a person what goes on. */
  readonly say: (line: string) => void;
}

export type Part = (options: PartOptions) => Promise<void>;

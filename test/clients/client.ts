// A client: a program of Debian's that speaks SSH, and how it says the words of the deeds.
import type { Word } from './deed.ts';

export interface Client {
  /** Its column of the table. */
  readonly name: string;
  /** The Debian packages that bring it; the first one's version goes to the docs. */
  readonly packages: readonly [string, ...string[]];
  /** The Debian whose `ssh`, `sftp` and `scp` it is; by default the packages of this machine. */
  readonly suite?: 'bullseye' | 'trixie';
  /** Bodies of shell functions. */
  readonly words: Readonly<Partial<Record<Word, string>>>;
  /** Shell that comes before every script. */
  readonly setup?: string;
  /** Scripts of its own, by the name of the deed. */
  readonly own?: Readonly<Record<string, string>>;
  /** Deeds that its words would allow and it cannot do, and why. */
  readonly leaves?: Readonly<Record<string, string>>;
  /** What it judges itself by: lines in the place of the deed's `says`. */
  readonly says?: Readonly<Record<string, readonly string[]>>;
  /** Its standard error differs from run to run, so it is shown and not compared. */
  readonly noisy?: boolean;
}

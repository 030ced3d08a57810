// A kind of cases: where they go, and how many of a million they are.
import type { CaseSource } from './cases.ts';
import type { FuzzWorld } from './world.ts';

export interface Kind {
  readonly name: string;
  /** Of a million cases. */
  readonly share: number;
  /** How many attackers are at work at a time. */
  readonly atATime: number;
  /** Gets ready, without playing anything yet. */
  open(world: FuzzWorld): Promise<Attacker>;
}

export interface Attacker extends AsyncDisposable {
  /** Plays some cases, on a connection of their own if they go over one; at least one, and as many as it carries. */
  play(cases: CaseSource): void | Promise<void>;
}

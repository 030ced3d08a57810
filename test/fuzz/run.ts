// A run: plays every kind against one world, and tells what was wrong with the bytes that did it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CaseRange, Cases } from './cases.ts';
import { baselineOf, describe, findGrowth, takeFirstSnapshot, takeSnapshot } from './growth.ts';
import type { Attacker, Kind } from './kind.ts';
import { countOf, MILLION } from './kinds.ts';
import { startWorld } from './world.ts';

/** Of the cases, played first and not looked at: what is compiled and cached then is no growth. */
const WARM_UP_SHARE = 0.02;
const LEAST_WARM_UP_CASES = 500;

/** This many attempts one after the other that are turned away: nothing is fuzzed any more. */
const MOST_IDLE_ATTEMPTS = 300;

export interface FuzzOptions {
  readonly seed: number;
  /** All kinds together. */
  readonly cases: number;
  readonly kinds: readonly Kind[];
  /** The number of the one case to play of each kind; undefined: all. */
  readonly only: number | undefined;
  readonly say: (line: string) => void;
}

export type FuzzOutcome =
  /** `played`: of each kind, and `session`: what became of the good session. */
  | { readonly kind: 'held'; readonly played: number; readonly session: string }
  | { readonly kind: 'failed'; readonly faults: readonly string[]; readonly suspects: readonly string[] };

/** Thrown through the attackers when something was noticed. */
class FaultSeen extends Error {}

/** Plays, watches and compares. Never rejects for what the programs did. */
export async function run(options: FuzzOptions): Promise<FuzzOutcome> {
  const { cases, kinds, only, say, seed } = options;
  await using world = await startWorld();
  /** An exception that nobody caught in this process, where parsers are called directly. */
  const own: string[] = [];
  const onFault = (error: unknown): void =>
    void own.push(`an exception: ${(error as Error).stack ?? String(error)}`);
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
  const faults = (): readonly string[] => [...own, ...world.faults()];

  let played = 0;
  const playAll = async (range: (kind: Kind) => CaseRange): Promise<FuzzOutcome | undefined> => {
    for (const kind of kinds) {
      const began = performance.now();
      const source = new Cases(range(kind));
      try {
        await using attacker = await kind.open(world);
        await playKind(kind, attacker, source, faults);
      } catch (error) {
        if (!(error instanceof FaultSeen))
          own.push(`an exception: ${(error as Error).stack ?? String(error)}`);
      }
      if (faults().length > 0) return { kind: 'failed', faults: faults(), suspects: source.suspects() };
      played += source.played;
      const seconds = (performance.now() - began) / 1_000;
      say(`${kind.name}: ${source.played} cases in ${seconds.toFixed(1)} s`);
    }
    return undefined;
  };

  try {
    if (only !== undefined) {
      const failed = await playAll(({ name }) => ({ seed, kind: name, from: only, to: only + 1 }));
      return failed ?? { kind: 'held', played, session: world.session.summary };
    }
    const first = await takeFirstSnapshot(world);
    say('warming up');
    const warmUp = Math.max(cases * WARM_UP_SHARE, LEAST_WARM_UP_CASES);
    const early = await playAll((kind) => ({
      seed: seed - 1,
      kind: kind.name,
      from: 0,
      to: countOf(kind, warmUp),
    }));
    if (early !== undefined) return early;
    const before = baselineOf(first, await takeSnapshot(world));
    say(`before: ${describe(before)}`);
    played = 0;
    const failed = await playAll((kind) => ({ seed, kind: kind.name, from: 0, to: countOf(kind, cases) }));
    if (failed !== undefined) return failed;
    say('all attackers have left');
    const growth = await findGrowth(world, before, say);
    say(`after: ${describe(await takeSnapshot(world))}`);
    const all = [...faults(), ...growth];
    if (all.length > 0) return { kind: 'failed', faults: all, suspects: [] };
    return { kind: 'held', played, session: world.session.summary };
  } finally {
    process.off('uncaughtException', onFault);
    process.off('unhandledRejection', onFault);
  }
}

async function playKind(
  { atATime, name }: Kind,
  attacker: Attacker,
  cases: Cases,
  faults: () => readonly string[],
): Promise<void> {
  let idle = 0;
  const worker = async (): Promise<void> => {
    while (cases.left > 0) {
      if (faults().length > 0) throw new FaultSeen();
      const before = cases.played;
      await cases.attempt((source) => attacker.play(source));
      idle = cases.played > before ? 0 : idle + 1;
      if (idle > MOST_IDLE_ATTEMPTS)
        throw new Error(`${name}: the attackers are turned away, so nothing is tried`);
      // Parsers that are called directly take no turn on their own.
      await nextTurn();
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

export { MILLION };

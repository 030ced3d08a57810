// Turns: lanes that move their bytes one after the other, again and again, so that all of them see the same machine.
import type { Cost, Lane, Writes } from './lane.ts';

/**
 * A round is so many short turns of each lane: what one turn costs depends much on which processors it happened to
 * run on and how large the reads were for that.
 */
const TURNS_PER_ROUND = 4;

/** Before the first round, so that nothing is measured cold. */
const WARM_UP_SHARE = 0.3;

export interface Moving extends Writes {
  /** Of each lane in each round. */
  readonly bytes: number;
}

/** Calls `tell` after each round with what a GB has cost in each lane, by its name. */
export async function takeTurns(
  lanes: readonly Lane[],
  rounds: number,
  { bytes, ...writes }: Moving,
  tell: (costs: ReadonlyMap<string, Cost>) => void,
): Promise<void> {
  for (const lane of lanes) await lane.cost(writes, bytes * WARM_UP_SHARE);
  for (let round = 0; round < rounds; round += 1) {
    const costs = new Map<string, Cost>();
    for (let turn = 0; turn < TURNS_PER_ROUND; turn += 1) {
      for (const lane of lanes) {
        const cost = await lane.cost(writes, bytes / TURNS_PER_ROUND);
        costs.set(lane.name, meanOf(costs.get(lane.name), cost, turn));
      }
    }
    tell(costs);
  }
}

/** Of `turns` turns so far and one more: of as many bytes each. */
function meanOf(sofar: Cost | undefined, cost: Cost, turns: number): Cost {
  if (sofar === undefined) return cost;
  const secondsPerMb = turns / sofar.mbPerSecond + 1 / cost.mbPerSecond;
  return {
    cpu: (sofar.cpu * turns + cost.cpu) / (turns + 1),
    busiest: (sofar.busiest * turns + cost.busiest) / (turns + 1),
    mbPerSecond: (turns + 1) / secondsPerMb,
  };
}

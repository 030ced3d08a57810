// The background agent's own end: it takes its name, answers the job's steps, and leaves how it ended.
import { join } from 'node:path';
import type { Clock } from '#shared/time/clock.ts';
import { type ConvergeAnswers, createQuestionDesk } from '../converge-command/answering-end.ts';
import type { AgentEnd } from '../expiry/agent-end.ts';
import type { CommandPlace } from '../platform/command-place.ts';
import { claimName, type FoundClaim } from './claim.ts';
import { writeEndRecord } from './run-folder.ts';
import type { BackgroundPlace } from './start-words.ts';

/** What the job's steps ask, and are answered. */
export interface BackgroundEnd {
  /** To be called once. */
  readonly answer: (answers: ConvergeAnswers) => void;
  /**
   * Leaves how it ended, for `wait`; the last of all. It goes on answering until the process ends: whoever waits for that knows by
   * it that nothing of the agent is left, and a runner that looks for leftovers finds none.
   */
  leave(end: AgentEnd): void;
}

export type BackgroundClaiming =
  | { readonly kind: 'claimed'; readonly background: BackgroundEnd }
  | { readonly kind: 'taken'; readonly by: FoundClaim };

/** Takes the name of `place`, unless another agent has it. @throws Error what the file system says */
export async function takeName(
  place: BackgroundPlace,
  commandPlace: CommandPlace,
  clock: Clock,
): Promise<BackgroundClaiming> {
  const { name, job, state, run, program } = place;
  const folder = join(state, run);
  const address = commandPlace.socketFor(folder);
  const desk = createQuestionDesk(clock);
  await desk.listen(address);
  const claim = { name, job, run, address, pid: process.pid, program };
  const claiming = await claimName(state, claim, clock);
  if (claiming.kind === 'taken') {
    await desk.stop();
    return claiming;
  }
  const background: BackgroundEnd = {
    answer: desk.answer,
    leave(end) {
      try {
        writeEndRecord(folder, end);
      } catch {
        // No room, or somebody removed the folder: it is as if it had been killed.
      }
    },
  };
  return { kind: 'claimed', background };
}

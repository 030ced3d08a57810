// The check run: a place on GitHub's pages that shows the link while the step still runs, whose log is hidden until it has ended.
import type { AskGithub } from './github-api.ts';
import { markdownOfDoor, type OpenDoor } from './open-door.ts';
import type { RunEvent } from './run-event.ts';

/** A check run with its number on GitHub; undefined where there is none, which is no fault. */
export type CheckRun = { readonly id: number } | undefined;

export interface CheckRunTerms {
  readonly ask: AskGithub;
  readonly event: Pick<RunEvent, 'repository' | 'commit'>;
  readonly say: (text: string) => void;
}

/** By the job and the words of GitHub's list of checks. */
const CHECK_NAME = 'Converge';

/**
 * Shows the door. `isHeld`: pending until it is completed, which a step that waits can promise; else it is neutral at once. Never
 * rejects: without the permission it says so, once.
 */
export async function showDoor(
  door: OpenDoor,
  job: string,
  isHeld: boolean,
  { ask, event, say }: CheckRunTerms,
): Promise<CheckRun> {
  const answer = await ask('POST', `/repos/${event.repository}/check-runs`, {
    name: job === '' ? CHECK_NAME : `${CHECK_NAME} (${job})`,
    head_sha: event.commit,
    ...(isHeld ? { status: 'in_progress' } : { status: 'completed', conclusion: 'neutral' }),
    ...(door.link === undefined ? {} : { details_url: door.link }),
    output: { title: 'This job is open for SSH', summary: markdownOfDoor(door) },
  });
  if (answer.kind === 'failed') {
    say(`converge: no check run shows the link: ${answer.fault}`);
    return undefined;
  }
  if (answer.status === 201) {
    const { id } = (answer.body ?? {}) as { readonly id?: unknown };
    return typeof id === 'number' ? { id } : undefined;
  }
  say(
    answer.status === 403 || answer.status === 404
      ? 'converge: no check run shows the link, since the token may not make one; for that add the permission checks: write to the job'
      : `converge: no check run shows the link: GitHub answers ${answer.status}`,
  );
  return undefined;
}

/** The door is shut: neutral, since the job has a result of its own. Never rejects. */
export async function completeCheckRun(run: CheckRun, { ask, event, say }: CheckRunTerms): Promise<void> {
  if (run === undefined) return;
  const answer = await ask('PATCH', `/repos/${event.repository}/check-runs/${run.id}`, {
    status: 'completed',
    conclusion: 'neutral',
    output: { title: 'This job was open for SSH', summary: 'It is not any more.' },
  });
  if (answer.kind === 'failed') say(`converge: the check run stays as it is: ${answer.fault}`);
  else if (answer.status !== 200)
    say(`converge: the check run stays as it is: GitHub answers ${answer.status}`);
}

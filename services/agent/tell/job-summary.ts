// The job summary: a block on the page of the run, where the CI system has a place for one.
import { join } from 'node:path';
import type { Environment } from '#shared/machine/environment.ts';
import { type PrintableLine, printableLine } from '#shared/text/printable.ts';
import { formatDuration } from '#shared/time/duration.ts';
import type { CiProvider } from '../job/ci-job.ts';
import { sshCommand } from '../notices/ssh-command.ts';
import { formatMoment } from '../notices/time-of-day.ts';
import { placeFrom, type ToldCard } from './card-object.ts';

/** Where the block goes, and what must be printed for the CI system to take it. */
export interface SummaryPlace {
  readonly path: string;
  readonly order: PrintableLine | undefined;
}

/** Undefined where the CI system has none, or none that one file reaches. */
export function summaryPlace(
  provider: CiProvider | undefined,
  id: string,
  env: Environment,
): SummaryPlace | undefined {
  const [github = '', azureFolder = ''] = [env['GITHUB_STEP_SUMMARY'], env['AGENT_TEMPDIRECTORY']];
  // Gitea and Forgejo set it as well.
  if (github !== '') return { path: github, order: undefined };
  if (provider !== 'azure' || azureFolder === '') return undefined;
  const path = join(azureFolder, `converge-${id}.md`);
  // Azure reads the path up to the end of the line; a folder that is no plain text is not worth a command that differs.
  return printableLine(path) === path
    ? { path, order: `##vso[task.uploadsummary]${path}` as PrintableLine }
    : undefined;
}

/**
 * Markdown. On a public repository everybody reads it: no password, and no link that lets in. All that varies in it is made for
 * shells (`ssh-command.ts`), and so means nothing to Markdown inside of a block of code or of `<…>`.
 */
export function summaryFrom(card: ToldCard): string {
  const { destination, deadline, now } = card;
  const { link } = placeFrom(card);
  const howLong =
    card.isJobRunning === true
      ? 'It is open while the job runs.'
      : `It waits until ${formatMoment(deadline, now)} (${formatDuration(deadline - now)}) for somebody to come.`;
  return [
    '### This job is open for SSH',
    '',
    '```sh',
    sshCommand(destination),
    '```',
    '',
    `[How to get in](<${link}>) from any system; the password, or whose keys may enter, is in the log of the step. ` +
      howLong,
    '',
  ].join('\n');
}

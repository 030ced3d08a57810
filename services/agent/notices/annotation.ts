// Lines of the job log that a CI system shows in a second place, such as the summary page of the run.
import { type PrintableLine, printableLine } from '#shared/text/printable.ts';
import type { CiProvider } from '../job/ci-job.ts';

/**
 * The lines that put the `ssh` command where people look first; empty where the CI system has no such place.
 *
 * Only the command goes there, never the password: a run's summary is readable by more people than its log
 * (on a public GitHub repository by everybody, without an account). Nor is the password registered as a secret
 * of the run (`::add-mask::`): the log, where it must be readable, would show `***` instead.
 */
export function annotationFrom(provider: CiProvider | undefined, sshCommand: string): PrintableLine[] {
  if (provider !== 'github') return [];
  const text = `This job is open for SSH: ${sshCommand} (how to enter: in the log of this step)`;
  // This one line is a command to the CI system. What follows its `::` is escaped, so it can be no other command.
  return [`::notice title=Converge::${githubEscape(printableLine(text))}` as PrintableLine];
}

/** The lines that put a relay's refusal where people look first: without them a job is green, and nobody knows why it is shut. */
export function refusalAnnotationFrom(provider: CiProvider | undefined, message: string): PrintableLine[] {
  const text = printableLine(`This job is not open for SSH: ${message}`);
  if (provider === 'github') return [`::error title=Converge::${githubEscape(text)}` as PrintableLine];
  // A warning: what becomes of the job is not ours to say.
  if (provider === 'azure') return [`##vso[task.logissue type=warning]${text}` as PrintableLine];
  return [];
}

/** How a value travels in a workflow command (actions/toolkit, packages/core/src/command.ts, escapeData). */
function githubEscape(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

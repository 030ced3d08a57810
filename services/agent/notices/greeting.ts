// The greeting of a shell: what this is, when it ends, how to change that.
import type { Untrusted } from '#shared/text/untrusted.ts';
import { formatDuration, roundToMinute } from '#shared/time/duration.ts';
import { holdWordsOf } from '../expiry/hold-words.ts';
import { formatMoment } from './time-of-day.ts';

/** Terminals are at least this wide; the lines are built to fit. */
const GREETING_WIDTH = 80;

export interface GreetingInput {
  /** The CI system and the job, where known. */
  readonly job: { readonly provider: string; readonly job: Untrusted | undefined } | undefined;
  readonly now: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly isHeld: boolean;
  /** The job goes on meanwhile, whoever comes or leaves. */
  readonly isJobRunning?: boolean;
  /** False if the `converge` command could not be installed: then the hold file is the only way. */
  readonly hasCommand: boolean;
  /** Whose shells people are in. */
  readonly system: NodeJS.Platform;
}

/** The lines of the greeting, 80 columns at most, without line ends. */
export function greetingFrom(input: GreetingInput): string[] {
  const left = formatDuration(roundToMinute(input.deadline - input.now));
  const moment = `${formatMoment(input.deadline, input.now)} (in ${left})`;
  const lines = [jobLine(input.job)];
  if (input.isHeld) {
    lines.push(`  held     by .hold, also after everybody leaves`, `  ends     at ${moment}`);
  } else if (input.isJobRunning === true) {
    lines.push('  ends     with the job, if nobody is in then', `           always, at ${moment}`);
  } else {
    lines.push(`  ends     when the last client leaves`, `           if idle, at ${moment}`);
  }
  if (input.hasCommand) lines.push('  change   converge status | hold 2h | release | continue | fail | end');
  const { hold, release } = holdWordsOf(input.system);
  const head = input.hasCommand ? 'or    ' : 'change';
  lines.push(`  ${head}   ${hold} | ${release}, in the directory of the job`);
  return lines.map(fit);
}

function jobLine(job: GreetingInput['job']): string {
  if (job === undefined) return 'converge: you are inside a running job.';
  const name = job.job === undefined ? '' : `: ${job.job.printable(GREETING_WIDTH)}`;
  return `converge: you are inside a running job of ${job.provider}${name}`;
}

function fit(line: string): string {
  return line.length > GREETING_WIDTH ? `${line.slice(0, GREETING_WIDTH - 3)}...` : line;
}

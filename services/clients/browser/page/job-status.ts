// The status of the job as `converge status --json` tells it.
import { STATUS_QUESTION } from '#shared/commands/status-question.ts';
import type { Job } from '../job/job.ts';

export interface JobStatus {
  /** From now on, in milliseconds. */
  readonly endsInMs: number;
  /** Nothing can make it later than that. */
  readonly neverAfterMs: number;
  readonly isHeld: boolean;
}

/** Asks. Undefined from an agent that does not know the question; rejects with a JobFault if the job is over. */
export async function askStatus(job: Job): Promise<JobStatus | undefined> {
  const { end, stdout } = await job.run(STATUS_QUESTION);
  if (end.kind !== 'exited' || end.exitCode !== 0) return undefined;
  return jobStatusFrom(new TextDecoder().decode(stdout));
}

/** Whatever a job may print there. */
export function jobStatusFrom(text: string): JobStatus | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { endsInMs, neverAfterMs, held } = value as Readonly<Record<string, unknown>>;
    if (typeof endsInMs !== 'number' || typeof neverAfterMs !== 'number' || typeof held !== 'boolean')
      return undefined;
    return Number.isFinite(endsInMs) && Number.isFinite(neverAfterMs)
      ? { endsInMs, neverAfterMs, isHeld: held }
      : undefined;
  } catch {
    return undefined;
  }
}

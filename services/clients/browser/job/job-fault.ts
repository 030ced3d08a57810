// Job faults: what a call on a job or on a terminal fails with.
import { SshFault } from '../ssh/wire/ssh-fault.ts';

export type JobFaultCode =
  /** The host said no: no such subsystem, forwarding is off, connection refused. */
  | 'refused'
  /** The job is over for this page. */
  | 'ended'
  /** More at once than this client takes (channels, requests). */
  | 'too_many';

export class JobFault extends Error {
  readonly code: JobFaultCode;
  constructor(code: JobFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JobFault';
    this.code = code;
  }
}

/** What a fault of SSH means to whoever called the job. */
export function jobFaultFrom(thrown: unknown): JobFault {
  if (thrown instanceof JobFault) return thrown;
  const code = thrown instanceof SshFault && thrown.code === 'too_big' ? 'too_many' : 'ended';
  return new JobFault(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

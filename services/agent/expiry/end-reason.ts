// End reasons: one word each for why an agent ended, the same in the log, the notices and the status.

/** Every reason for an end that is not a failure (exit 0), with the words that people read. */
export const END_REASONS = {
  nobody_came: 'nobody logged in before the deadline',
  client_left: 'the last client left',
  released: 'the hold file was removed and no client is logged in',
  deadline: 'the deadline was reached',
  max_lifetime: 'the longest lifetime was reached',
  relay_lifetime: 'the time was over that the relay gives this agent',
  ended_by_user: 'a client asked for it (converge end)',
  continued: 'a client let the job go on (converge continue)',
  failed_by_user: 'a client made the job fail (converge fail)',
  job_done: 'the job is done and nobody is in',
  stopped: 'the job asked for it (agent stop)',
  cancelled: 'the job was cancelled',
  signal: 'the job was told to stop',
} as const satisfies Record<string, string>;

export type EndReason = keyof typeof END_REASONS;

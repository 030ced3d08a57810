// The question by which a page learns how long a job is left.

/** A command in the job. To the agent it is no activity: a page that shows the time must not make it longer by asking. */
export const STATUS_QUESTION = 'converge status --json';

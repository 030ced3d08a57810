// The lease of an ID: how long it waits for its agent to come back.

/**
 * How long an ID stays reserved for its claim once its agent is known to have no link, in milliseconds. An agent that
 * finds its ID taken tries for a little longer than this.
 */
export const LEASE_MS = 45_000;

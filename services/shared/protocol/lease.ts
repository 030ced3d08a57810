// The lease of an ID: how long it belongs to an agent that cannot be heard.

/** How long a claim holds without renewal, in milliseconds. An agent that finds its ID taken tries for so long. */
export const LEASE_MS = 45_000;

// The bounds of one SFTP connection: what a client may send, hold open and leave unanswered.

/** Longest packet either way, without its length field; the figure OpenSSH uses and every client respects. */
export const MAX_PACKET_BYTES = 256 * 1024;

/** Longest READ answered and WRITE advertised: a packet less room for its own fields, as OpenSSH has it. */
export const MAX_TRANSFER_BYTES = MAX_PACKET_BYTES - 1024;

/** Files and directories one connection may hold open: one client must not use up the agent's descriptors. */
export const MAX_OPEN_HANDLES = 1024;

/**
 * Requests begun and not answered: at work, or done and waiting for the reply of an earlier one. Twice libuv's default of
 * four threads keeps those busy; with a transfer each, it also bounds what replies hold to 2 MiB.
 */
export const MAX_UNANSWERED_REQUESTS = 8;

/** Requests parsed and not begun; OpenSSH's client has 64 outstanding. Beyond it the channel is not read. */
export const MAX_WAITING_REQUESTS = 64;

/** Bytes in parsed requests not begun, for clients that have many long WRITEs outstanding. */
export const MAX_WAITING_BYTES = 2 * 1024 * 1024;

/** A NAME reply to READDIR is closed at this length: every client must take packets of 34,000 bytes (draft-02 section 3). */
export const LISTING_BYTES = 32 * 1024;

/** One step of copy-data, small enough that the end of the connection is noticed soon. */
export const COPY_STEP_BYTES = 1024 * 1024;

/** The largest offset and size served, in bytes: what a JavaScript number holds exactly (8 PiB), and no file system reaches. */
export const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

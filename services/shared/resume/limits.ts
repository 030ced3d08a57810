// Limits and times of the resumable stream. Both ends must agree on the window of unacknowledged bytes.
import { MAX_DURATION_MS } from '#shared/time/duration.ts';

/**
 * What one direction may have unacknowledged: the sender keeps it, and the receiver may have to hold it. No less than the
 * window of an SSH channel (2 MiB), so that a lost transport never stops SSH earlier than SSH would stop itself.
 */
export const REPLAY_LIMIT_BYTES = 4 * 1024 * 1024;

/** The whole payload of a frame; one that announces more is refused with `too_big`. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;

/**
 * The most bytes in a DATA frame of ours. An SSH packet of any implementation fits (32 KiB, its head, its padding and its
 * signature), so that it leaves as one frame.
 */
export const DATA_FRAME_BYTES = 48 * 1024;

/**
 * An ACK is sent after the local side took this many bytes. Each ACK wakes all programs on the way, so they are few; this is
 * an eighth of the window, so that they never hold up the sender...
 */
export const ACK_EVERY_BYTES = 512 * 1024;

/** ...or this long after the first byte that was taken and not acknowledged. */
export const ACK_AFTER_MS = 200;

/** From OPEN to OPENED at the client, from the first moment to a complete OPEN at the agent. */
export const OPEN_TIMEOUT_MS = 10_000;

/** One re-dial: longer than the 10 s in which a relay waits for the agent, so that its answer is heard. */
export const REDIAL_TIMEOUT_MS = 15_000;

/** A transport of unknown kind that says nothing for this long is served as a plain stream: it waits for a banner. */
export const PLAIN_AFTER_MS = 1_000;

/** How long a stream lives without a transport, unless set otherwise: the agent's default, and what a client assumes. */
export const RESUME_WINDOW_MS = 120_000;

/** No client dials for longer, whatever its agent says; timers hold 24 days. */
export const MAX_RESUME_WINDOW_MS = MAX_DURATION_MS;

/** A peer that neither takes the last bytes nor sends its own for this long is given up, on a transport that lives. */
export const STUCK_AFTER_MS = 120_000;

/** A person is notified of an outage after this long: shorter ones are not worth a line. */
export const NOTICE_AFTER_MS = 3_000;

/** Full jitter between re-dials: a random share of a bound that grows from the first to the second. */
export const BACKOFF_FIRST_MS = 50;
export const BACKOFF_LAST_MS = 3_000;

/** A transport that lasted this long was a good one: the next re-dial is at once again. */
export const STABLE_AFTER_MS = 3_000;

/** What one agent holds, detached ones included: 8 MiB each at worst. */
export const MAX_RESUMABLE_STREAMS = 512;

/** Chunks of this many bytes or more, which fill at least half of their memory, are kept where they lie, not copied. */
export const KEEP_FROM_BYTES = 8 * 1024;

/** The limits that tests make smaller. A frame must fit into the window four times, so that it never blocks itself. */
export interface FlowLimits {
  readonly windowBytes: number;
  readonly frameBytes: number;
  readonly ackEveryBytes: number;
  readonly keepFromBytes: number;
}

export const FLOW_LIMITS: FlowLimits = {
  windowBytes: REPLAY_LIMIT_BYTES,
  frameBytes: DATA_FRAME_BYTES,
  ackEveryBytes: ACK_EVERY_BYTES,
  keepFromBytes: KEEP_FROM_BYTES,
};

/** Whether `bytes` may be kept where they lie: whoever does holds no more than about twice their size. */
export function fillsItsMemory(bytes: Uint8Array, { keepFromBytes }: FlowLimits): boolean {
  return bytes.length >= keepFromBytes && bytes.length * 2 >= bytes.buffer.byteLength;
}

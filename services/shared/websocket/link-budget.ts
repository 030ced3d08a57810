// The budget of a control link: how much each end takes from the other, so that no peer can keep its process busy.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../time/clock.ts';
import { type Allowance, TokenBucket } from '../time/token-bucket.ts';

/** What one end of a link may send. */
export interface LinkAllowances {
  readonly messages: Allowance;
  /** Pings and pongs; either end pings every 15 s. */
  readonly pings: Allowance;
  readonly bytes: Allowance;
}

/**
 * What an agent may send. It needs about 100 bytes when something changes, and keeps to AGENT_PACE, whatever its clients do.
 * Each link starts with the whole budget.
 */
export const AGENT_BUDGET: LinkAllowances = {
  messages: { burst: 2_048, perSecond: 20 },
  pings: { burst: 20, perSecond: 2 },
  bytes: { burst: 256 * 1024, perSecond: 16 * 1024 },
};

/**
 * What a relay may send. It needs some 500 bytes for each client that asks for the agent, and anybody may ask: the budget is
 * far above what a relay lets strangers do. It only stops a relay at fault from keeping the job busy.
 */
export const RELAY_BUDGET: LinkAllowances = {
  messages: { burst: 4_096, perSecond: 1_000 },
  pings: { burst: 20, perSecond: 2 },
  bytes: { burst: 4 * 1024 * 1024, perSecond: 1024 * 1024 },
};

/**
 * How fast an agent says what its clients do, so that no stranger can make it spend its budget by coming and going. Its
 * status: once per this many milliseconds. What became of resumable streams: MAX_RESUMABLE_STREAMS at once, since a relay may restart.
 * Records of the audit: in messages and in bytes.
 */
export const AGENT_PACE = {
  statusEveryMs: 1_000,
  resumptions: { burst: 1_024, perSecond: 5 },
  records: { burst: 512, perSecond: 10 },
  recordBytes: { burst: 128 * 1024, perSecond: 8 * 1024 },
} as const;

/** The largest number of frames that one message may come in: ours come in one. */
const MAX_FRAGMENTS = 16;

/** The largest number of reads that a frame may take to arrive, since each holds memory of its own. */
const MAX_BUFFERED_CHUNKS = 64;

/**
 * How ws reads a link that has a budget: one message, ping or pong in a turn of the event loop, whatever one read brought,
 * so that other work has its turns in between; and it answers no ping on its own.
 */
export const BUDGETED_READING = {
  allowSynchronousEvents: false,
  autoPong: false,
  maxFragments: MAX_FRAGMENTS,
  maxBufferedChunks: MAX_BUFFERED_CHUNKS,
} as const;

/** The code of ws for a message in more pieces than that. */
export const TOO_MANY_PIECES = 'WS_ERR_TOO_MANY_BUFFERED_PARTS';

/** How long the close frame of a link over its budget may take to leave, in milliseconds; nothing is read meanwhile. */
export const OVER_BUDGET_LINGER_MS = 1_000;

export interface BudgetOptions {
  readonly clock: Clock;
  /** Of the peer. */
  readonly budget: LinkAllowances;
  /** The peer sent more than it may. Called once. */
  readonly onSpent: () => void;
}

/**
 * Holds the peer at the other end of `socket` to its budget, and answers its pings. Ask the result about each message:
 * false means that the budget is spent and that the message must be dropped.
 */
export function holdToBudget(
  socket: WebSocket,
  transport: Socket,
  { clock, budget, onSpent }: BudgetOptions,
): () => boolean {
  const now = clock.now();
  const messages = new TokenBucket(budget.messages, now);
  const pings = new TokenBucket(budget.pings, now);
  const bytes = new TokenBucket(budget.bytes, now);
  let isSpent = false;
  const take = (bucket: TokenBucket, amount: number): boolean => {
    if (isSpent) return false;
    if (bucket.take(clock.now(), amount) === 0) return true;
    isSpent = true;
    onSpent();
    return false;
  };
  transport.on('data', (chunk: Buffer) => {
    take(bytes, chunk.length);
  });
  socket.on('ping', (data: Buffer) => {
    if (take(pings, 1) && socket.readyState === socket.OPEN) socket.pong(data);
  });
  socket.on('pong', () => {
    take(pings, 1);
  });
  return () => take(messages, 1);
}

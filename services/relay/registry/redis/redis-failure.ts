// What went wrong with a call to Redis: one word for the log and the metric, whatever the library calls it.
import { RegistryUnavailable } from '../registry-unavailable.ts';

export const REDIS_FAILURES = [
  /** No connection at the moment. */
  'disconnected',
  /** No answer within REGISTRY_TIMEOUT_MS. */
  'timeout',
  /** At maxmemory: it refuses to store more, and still renews what is there. */
  'full',
  /** A replica, as after a fail-over: the connection is made anew. */
  'read_only',
  /** Any other error reply: no login, no permission, still loading, a cluster without all its slots. */
  'refused',
  /** Too many calls are waiting for it already. */
  'overloaded',
] as const;
export type RedisFailure = (typeof REDIS_FAILURES)[number];

/** The code of an error reply is its first word, in capitals. */
const REPLY_CODE = /^-?([A-Z]{3,})(?: |$)/;

/**
 * The failure of a call as the relay knows it. Of the library's error only the message is kept: the object also carries
 * the command with its arguments, and those of AUTH are the password.
 */
export class RedisCallFault extends RegistryUnavailable {
  readonly failure: RedisFailure;

  constructor(failure: RedisFailure, detail: string) {
    super(`registry unavailable, redis ${failure}: ${detail}`);
    this.name = 'RedisCallFault';
    this.failure = failure;
  }
}

export function callFaultFrom(error: unknown): RedisCallFault {
  if (error instanceof RedisCallFault) return error;
  const message = messageOf(error);
  const failure = failureFrom(message);
  // The library's own words for this name its options; why there is no connection is in the log.
  return new RedisCallFault(failure, failure === 'disconnected' ? 'no connection' : message);
}

/** The first line of an error's message; ioredis puts what it was last told at its end. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n', 1)[0]?.slice(0, 300) ?? '';
}

export function isReadOnly(message: string): boolean {
  return message.includes('READONLY');
}

function failureFrom(message: string): RedisFailure {
  if (isReadOnly(message)) return 'read_only';
  if (/\bOOM\b/.test(message)) return 'full';
  if (message === 'Command timed out') return 'timeout';
  return REPLY_CODE.test(message) ? 'refused' : 'disconnected';
}

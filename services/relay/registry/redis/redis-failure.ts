// What went wrong with a call to Redis: from an error of the library to the word for the log and the metric.
import type { RegistryFailure } from '../registry-recorder.ts';
import { RegistryUnavailable } from '../registry-unavailable.ts';

/** The code of an error reply is its first word, in capitals. */
const REPLY_CODE = /^-?([A-Z]{3,})(?: |$)/;

/**
 * The failure of a call as the relay knows it. Of the library's error only the message is kept: the object also carries
 * the command with its arguments, and those of AUTH are the password.
 */
export class RedisCallFault extends RegistryUnavailable {
  readonly failure: RegistryFailure;

  constructor(failure: RegistryFailure, detail: string) {
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

/** The first line of an error's message; ioredis puts the last answer at its end. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n', 1)[0]?.slice(0, 300) ?? '';
}

export function isReadOnly(message: string): boolean {
  return message.includes('READONLY');
}

function failureFrom(message: string): RegistryFailure {
  if (isReadOnly(message)) return 'read_only';
  if (/\bOOM\b/.test(message)) return 'full';
  if (message === 'Command timed out') return 'timeout';
  return REPLY_CODE.test(message) ? 'refused' : 'disconnected';
}

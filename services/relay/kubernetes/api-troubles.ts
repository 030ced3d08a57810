// Troubles with the API server: each is counted, and a streak of them is logged once.

/** What this pod asks of the API server: that it may watch endpoint slices, and patch its own pod. */
export const API_CALLS = ['watch', 'patch'] as const;
export type ApiCall = (typeof API_CALLS)[number];

/** `denied`: the Role is missing or lacks a rule. `failed`: anything else. */
export const API_TROUBLES = ['denied', 'failed'] as const;
export type ApiTrouble = (typeof API_TROUBLES)[number];

/**
 * The wait after a denial, in milliseconds: neither a missing Role nor a wrong name mends itself soon, and asking is not
 * free.
 */
export const DENIED_RETRY_MS = 5 * 60_000;

export interface ApiRecorder {
  /** Called for every call that did not do its work. */
  clusterCallFailed(call: ApiCall, trouble: ApiTrouble): void;
}

/** Constant lower-case messages; data goes in fields. */
export interface ApiLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

const MESSAGES = {
  watch: {
    denied: 'kubernetes denies watching endpoint slices, so vanished pods are noticed by time-out only',
    failed: 'endpoint slices cannot be watched, so vanished pods are noticed by time-out meanwhile',
    over: 'endpoint slices are watched again',
  },
  patch: {
    denied: 'kubernetes denies patching our own pod, so scale-in may pick a busy one',
    failed: 'the deletion cost of our own pod cannot be written, so scale-in may pick a busy one meanwhile',
    over: 'the deletion cost of our own pod is written again',
  },
} as const;

export class ApiTroubles {
  readonly #call: ApiCall;
  readonly #log: ApiLog;
  readonly #recorder: ApiRecorder;
  /** What was reported last; undefined when all is well. */
  #told: ApiTrouble | undefined;

  constructor(call: ApiCall, log: ApiLog, recorder: ApiRecorder) {
    this.#call = call;
    this.#log = log;
    this.#recorder = recorder;
  }

  happened(trouble: ApiTrouble, detail: string): void {
    this.#recorder.clusterCallFailed(this.#call, trouble);
    if (this.#told === trouble) return;
    this.#told = trouble;
    this.#log.warn({ detail }, MESSAGES[this.#call][trouble]);
  }

  over(): void {
    if (this.#told !== undefined) this.#log.info({}, MESSAGES[this.#call].over);
    this.#told = undefined;
  }
}

/** 401 and 403; a token that has just expired is read anew long before the retry. */
export function isDenial(status: number): boolean {
  return status === 401 || status === 403;
}

/** For the log. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // undici's fetch says "fetch failed" and keeps the reason to its cause.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

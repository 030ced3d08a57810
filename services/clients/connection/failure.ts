// Failures: what a dial that led nowhere means to a client, and whether trying again makes sense.
import type { Unproved } from '#shared/identity/proving-dial.ts';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import { dialFailureFrom } from '#shared/websocket/dial-failure-text.ts';
import type { FailedDial } from '#shared/websocket/dial-outcome.ts';
import type { ClientUrl } from './client-url.ts';

/** A failure, by who said no: the relay (`refused`), or nobody, because there was no relay (`unreachable`). */
export interface Failure {
  readonly kind: 'refused' | 'unreachable';
  /** One line for a person. */
  readonly message: string;
  /** `agent`: it may come; `relay`: it may come back; `never`: the same question gets the same answer. */
  readonly retry: 'agent' | 'relay' | 'never';
  /** Whoever said no asks not to be asked before, in milliseconds. */
  readonly waitMs?: number;
}

const PROXY_WANTS_PASSWORD = 407;

/** What it means that no new session could be opened. */
export function failureFrom(
  outcome: FailedDial | Unproved,
  target: ClientUrl,
  proxy: URL | undefined,
): Failure {
  if (outcome.kind === 'unproved')
    return { kind: 'refused', message: outcome.message, retry: outcome.passes ? 'agent' : 'never' };
  const failure = dialFailureFrom(outcome, { relay: target.url, proxy });
  switch (failure.kind) {
    case 'refusal': {
      if (failure.code === 'agent_not_found') return noAgent(target);
      // A block may be lifted, but lasts for a minute at least: whoever reads of it at once can ask.
      const mayPass = REFUSALS[failure.code].retry && failure.code !== 'blocked';
      const retry = mayPass ? 'agent' : 'never';
      const { message, waitMs } = failure;
      return { kind: 'refused', message, retry, ...(waitMs === undefined ? {} : { waitMs }) };
    }
    case 'stranger': {
      const { status, message, passes, waitMs } = failure;
      const isRefusal = status >= 400 && status < 500 && status !== PROXY_WANTS_PASSWORD;
      const retry = passes ? 'relay' : 'never';
      const wait = waitMs === undefined ? {} : { waitMs };
      return { kind: isRefusal ? 'refused' : 'unreachable', message, retry, ...wait };
    }
    case 'silence':
      return {
        kind: 'unreachable',
        message: failure.message,
        retry: failure.passes ? 'relay' : 'never',
      };
  }
}

function noAgent({ id, url }: ClientUrl): Failure {
  const message = `no agent \`${id}\` at ${url.host}: it may have ended, or not started yet; --wait 5m waits for it`;
  return { kind: 'refused', message, retry: 'agent' };
}

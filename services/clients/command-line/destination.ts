// The destination: which agent, and how to reach it, as the command line and the environment say.
import { proxyFor } from '#shared/machine/proxy.ts';
import { parseDuration } from '#shared/time/duration.ts';
import { type Mask, maskFrom } from '#shared/websocket/mask-choice.ts';
import { type ClientUrl, parseClientUrl } from '../connection/client-url.ts';
import { type Invalid, invalid } from './arguments.ts';

/** The longest that a client waits for an agent if nobody says otherwise. */
const DEFAULT_WAIT_MS = 30_000;
/**
 * A relay that cannot be reached is tried for this long: by then a restart or a reload is over, and of several pods one that
 * serves has been met. A typing error shows sooner: after 3 s a line says what is in the way.
 */
export const RELAY_PATIENCE_MS = 20_000;

export interface ClientDestination {
  readonly kind: 'destination';
  readonly target: ClientUrl;
  readonly proxy: URL | undefined;
  readonly waitMs: number;
  readonly relayPatienceMs: number;
  readonly mask: Mask;
}

/** Reads the URL, `--wait` and what `env` says of proxies and the mask. Never throws. */
export function readDestination(
  urlText: string,
  wait: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ClientDestination | Invalid {
  const parsed = parseClientUrl(urlText);
  if (parsed.kind === 'invalid') return parsed;
  const asked = wait === undefined ? undefined : parseDuration(wait, 0);
  if (asked?.kind === 'invalid') return invalid(`--wait: ${asked.fault}`);
  const choice = proxyFor(parsed.target.url, env);
  if (choice.kind === 'invalid') return choice;
  const masking = maskFrom(env);
  if (masking.kind === 'invalid') return masking;
  return {
    kind: 'destination',
    target: parsed.target,
    proxy: choice.kind === 'proxy' ? choice.url : undefined,
    waitMs: asked?.ms ?? DEFAULT_WAIT_MS,
    relayPatienceMs: asked?.ms ?? RELAY_PATIENCE_MS,
    mask: masking.mask,
  };
}

// Arguments: what wsproxy and tcptows have in common on their command line.
import { parseArgs } from 'node:util';
import { proxyFor } from '#shared/machine/proxy.ts';
import { parseDuration } from '#shared/time/duration.ts';
import { type Mask, maskFrom } from '#shared/websocket/mask.ts';
import { type ClientUrl, parseClientUrl } from './client-url.ts';

/** The longest that a client waits for an agent if nobody says otherwise. */
const DEFAULT_WAIT_MS = 30_000;
/**
 * A relay that cannot be reached is tried for this long: a restart or a reload is over, and of several pods one was met that
 * serves. A typing error is seen sooner: after 3 s a line says what is in the way.
 */
export const RELAY_PATIENCE_MS = 20_000;

/** Why a command line was not taken, in one line. */
export interface Invalid {
  readonly kind: 'invalid';
  readonly message: string;
}

export interface Arguments {
  readonly kind: 'arguments';
  /** What was given of the options with a value, by name. */
  readonly values: ReadonlyMap<string, string>;
  /** What was given of the others. */
  readonly flags: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

/** How to reach the agent, as the command line and the environment say. */
export interface ClientDestination {
  readonly kind: 'destination';
  readonly target: ClientUrl;
  readonly proxy: URL | undefined;
  readonly waitMs: number;
  readonly relayPatienceMs: number;
  readonly mask: Mask;
}

/** Splits a command line into options and the rest. `withValue` are the options that take a value, `without` the others. */
export function splitArguments(
  args: readonly string[],
  withValue: readonly string[],
  without: readonly string[],
): Arguments | Invalid {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(withValue.map((name) => [name, { type: 'string' }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (values.has(name) || flags.has(name)) return invalid(`${rawName} is given twice`);
    if (withValue.includes(name)) {
      if (!value) return invalid(`${rawName} needs a value`);
      values.set(name, value);
    } else if (without.includes(name)) {
      if (value !== undefined) return invalid(`${rawName} takes no value`);
      flags.add(name);
    } else {
      return invalid(`there is no option ${rawName}; --help lists them`);
    }
  }
  return { kind: 'arguments', values, flags, positionals };
}

/** Reads the URL, `--wait` and what `env` says of proxies and the mask. */
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

function invalid(message: string): Invalid {
  return { kind: 'invalid', message };
}

// Arguments: what wsproxy and tcptows have in common on their command line.
import { parseArgs } from 'node:util';
import { proxyFor } from '#shared/proxy.ts';
import { type Mask, maskFrom } from '#shared/stream/mask.ts';
import { type ClientUrl, parseClientUrl } from './client-url.ts';
import { DURATION_RULE, parseDuration } from './duration.ts';

/** The longest that a client waits for an agent if nobody says otherwise. */
const DEFAULT_WAIT_MS = 30_000;
/** A relay that cannot be reached is tried for this long: a restart or a reload is over, and a typing error is seen soon. */
const DEFAULT_RELAY_PATIENCE_MS = 5_000;

/** Why a command line was not taken, in one line. */
export interface Invalid {
  readonly kind: 'invalid';
  readonly message: string;
}

export interface Arguments {
  readonly kind: 'arguments';
  /** What was given of the options, by name; `true` for one without a value. */
  readonly options: ReadonlyMap<string, string | true>;
  readonly positionals: readonly string[];
}

/** How to reach the agent, as the command line and the environment say. */
export interface Destination {
  readonly kind: 'destination';
  readonly target: ClientUrl;
  readonly proxy: URL | undefined;
  readonly waitMs: number;
  readonly relayPatienceMs: number;
  readonly mask: Mask;
}

/** Splits a command line into options and the rest. `withValue` are the options that take a value, `flags` the others. */
export function splitArguments(
  args: readonly string[],
  withValue: readonly string[],
  flags: readonly string[],
): Arguments | Invalid {
  const config: Record<string, { type: 'string' | 'boolean' }> = {};
  for (const name of withValue) config[name] = { type: 'string' };
  for (const name of flags) config[name] = { type: 'boolean' };
  const { tokens } = parseArgs({
    args: [...args],
    options: config,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = new Map<string, string | true>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const type = config[token.name]?.type;
    if (type === undefined) return invalid(`there is no option ${token.rawName}; --help lists them`);
    if (type === 'boolean' && token.value !== undefined) return invalid(`${token.rawName} takes no value`);
    if (type === 'string' && !token.value) return invalid(`${token.rawName} needs a value`);
    if (options.has(token.name)) return invalid(`${token.rawName} is given twice`);
    options.set(token.name, token.value ?? true);
  }
  return { kind: 'arguments', options, positionals };
}

/** Reads the URL, `--wait` and what `env` says of proxies and the mask. */
export function readDestination(
  urlText: string,
  wait: string | true | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Destination | Invalid {
  const parsed = parseClientUrl(urlText);
  if (parsed.kind === 'invalid') return parsed;
  const asked = typeof wait === 'string' ? parseDuration(wait) : DEFAULT_WAIT_MS;
  if (asked === undefined) return invalid(`--wait ${JSON.stringify(wait)} is not ${DURATION_RULE}`);
  const choice = proxyFor(parsed.target.url, env);
  if (choice.kind === 'invalid') return choice;
  const masking = maskFrom(env);
  if (masking.kind === 'invalid') return masking;
  return {
    kind: 'destination',
    target: parsed.target,
    proxy: choice.kind === 'proxy' ? choice.url : undefined,
    waitMs: asked,
    relayPatienceMs: wait === undefined ? DEFAULT_RELAY_PATIENCE_MS : asked,
    mask: masking.mask,
  };
}

function invalid(message: string): Invalid {
  return { kind: 'invalid', message };
}

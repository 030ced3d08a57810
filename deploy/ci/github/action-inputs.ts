// The inputs of the action, read from the variables in which the runner passes them.
import type { StepEnvironment } from './runner-protocol.ts';

/** What each does is in action.yml. */
export const MODES = ['on-failure', 'background', 'always'] as const;

export type ActionMode = (typeof MODES)[number];

/** Values with `lines` in their description are lists. */
export interface ActionInputs {
  /** Without a slash at its end; `http` or `https`. */
  readonly relay: string;
  readonly mode: ActionMode;
  readonly access: readonly string[];
  readonly authorizedKeys: readonly string[];
  readonly trustedUserCas: readonly string[];
  readonly timeout: string;
  readonly maxLifetime: string;
  /** Empty: as the result of the job says. */
  readonly linger: string;
  readonly identity: string;
  readonly notify: readonly string[];
  /** In lower case. */
  readonly digests: readonly string[];
  readonly isPrepared: boolean;
  readonly hasCheckRun: boolean;
  readonly token: string;
  readonly allowsUntrusted: boolean;
  readonly options: readonly string[];
  /** Of the job, at this very step. */
  readonly jobStatus: string;
}

export type ReadInputs =
  | { readonly kind: 'inputs'; readonly inputs: ActionInputs }
  /** Each names the input and the way out. */
  | { readonly kind: 'faults'; readonly faults: readonly string[] };

const DURATION = /^(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/i;

/** In seconds: the agent takes no longer one, and would say so at the end of the job, by a code. */
const MAX_DURATION_SECONDS = 7 * 86_400;

interface DurationInput {
  readonly text: string;
  /** NaN: it was a fault. */
  readonly seconds: number;
}

const DIGEST = /^[0-9a-f]{64}$/;

/** Reads them all. Never throws. */
export function readInputs(env: StepEnvironment): ReadInputs {
  const faults: string[] = [];
  const read = (name: string): string => (env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
  const readLines = (name: string): string[] => linesOf(read(name), /[\r\n]+/);
  const readDuration = (name: string, fallback: string, minimumSeconds: number): DurationInput => {
    const text = read(name) || fallback;
    const seconds = secondsOf(text);
    if (Number.isNaN(seconds))
      faults.push(`${name}: "${text}" is not a duration; write it like 90s, 10m or 2h`);
    else if (seconds > MAX_DURATION_SECONDS) faults.push(`${name}: "${text}" is too long; at most 7d`);
    else if (seconds < minimumSeconds)
      faults.push(`${name}: "${text}" is too short; at least ${minimumSeconds}s`);
    return { text, seconds };
  };
  const readSwitch = (name: string, fallback: boolean): boolean => {
    const value = read(name).toLowerCase();
    if (value === '') return fallback;
    if (value !== 'true' && value !== 'false') faults.push(`${name}: "${value}" is neither true nor false`);
    return value === 'true';
  };
  const relay = relayFrom(read('relay'));
  if (relay === undefined)
    faults.push(
      `relay: "${read('relay')}" is no address of a relay; write it like https://converge.example.com`,
    );
  const mode = MODES.find((known) => known === (read('mode') || MODES[0]));
  if (mode === undefined) faults.push(`mode: "${read('mode')}" is none of ${MODES.join(', ')}`);
  const digests = linesOf(read('sha256').toLowerCase(), /[\s,]+/);
  for (const digest of digests)
    if (!DIGEST.test(digest)) faults.push(`sha256: "${digest}" is not 64 digits from 0 to f`);
  const timeout = readDuration('timeout', '10m', 1);
  // A job may run for longer than anybody looks at one that has failed.
  const maxLifetime = readDuration('max-lifetime', mode === 'background' ? '6h' : '2h', 1);
  if (timeout.seconds > maxLifetime.seconds)
    faults.push(
      `timeout: "${timeout.text}" is longer than max-lifetime, which is ${maxLifetime.text}; say max-lifetime too`,
    );
  const inputs = {
    access: linesOf(read('access'), /[\r\n,]+/),
    authorizedKeys: readLines('authorized-keys'),
    trustedUserCas: readLines('trusted-user-ca'),
    timeout: timeout.text,
    maxLifetime: maxLifetime.text,
    linger: readDuration('linger', '', 0).text,
    identity: read('identity'),
    notify: readLines('notify'),
    digests,
    isPrepared: readSwitch('prepare', true),
    hasCheckRun: readSwitch('check-run', true),
    token: read('token'),
    allowsUntrusted: readSwitch('allow-untrusted', false),
    options: readLines('options'),
    jobStatus: read('job-status'),
  };
  if (relay === undefined || mode === undefined || faults.length > 0) return { kind: 'faults', faults };
  return { kind: 'inputs', inputs: { ...inputs, relay, mode } };
}

/** NaN: it is no duration. An input that is not given is 0. */
function secondsOf(text: string): number {
  if (/^\d*$/.test(text)) return Number(text);
  const match = DURATION.exec(text);
  if (match === null) return Number.NaN;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((count) => Number(count || 0));
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

function linesOf(text: string, separator: RegExp): string[] {
  return text
    .split(separator)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** `wss://` is what the agent takes, and the same place. */
function relayFrom(text: string): string | undefined {
  const written = text.replace(/^ws(s?):\/\//i, 'http$1://');
  if (!/^https?:\/\//i.test(written) || !URL.canParse(written)) return undefined;
  const { origin, pathname, username, password, search, hash } = new URL(written);
  if (`${username}${password}${search}${hash}` !== '') return undefined;
  return `${origin}${pathname}`.replace(/\/+$/, '');
}

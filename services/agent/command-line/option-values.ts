// The values of options: what the text of one means, or what is wrong with it.
import { isUserName } from '#shared/commands/printed-commands.ts';
import { parseDuration } from '#shared/time/duration.ts';
import { IDENTITY_SOURCES, type IdentitySource, identitySourceOf } from '../identity/identity-source.ts';

/** `fault` names the value and the way out; where it came from is put before it. */
export type ValueRead<Value> =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'fault'; readonly fault: string };

/** Reads a text; undefined where the option was not given and has no default. */
export type ValueReader<Value> = (text: string | undefined) => ValueRead<Value>;

/** Milliseconds, `minimumMs` or more. */
export function duration(minimumMs?: number): ValueReader<number> {
  return (text = '') => {
    const parsed = parseDuration(text, minimumMs);
    return parsed.kind === 'duration' ? { kind: 'value', value: parsed.ms } : fault(parsed.fault);
  };
}

/** A name to log in with, 1 to 64 characters. */
export const userName: ValueReader<string> = (text = '') => {
  if (isUserName(text)) return { kind: 'value', value: text };
  return fault(`"${text}" is not a user name: 1 to 64 of A-Z a-z 0-9 _ . -, not starting with . or -`);
};

/** What people are told of `--shell`, and how it is read: on Windows they say which one, elsewhere where it is. */
export function shellOption(system: NodeJS.Platform): {
  readonly help: string;
  readonly read: ValueReader<string | undefined>;
} {
  if (system !== 'win32') {
    return { help: "shell of the sessions (default: the user's, else bash, else sh)", read: absolutePathOf };
  }
  const help =
    'shell of the sessions: powershell, pwsh, cmd or a path (default: PowerShell for people, cmd for commands)';
  return { help, read: optionalText };
}

/** A path from the root, or undefined if none was given. */
const absolutePathOf: ValueReader<string | undefined> = (text) => {
  if (text === undefined || text.startsWith('/')) return { kind: 'value', value: text };
  return fault(`"${text}" is not an absolute path: write it like /bin/bash`);
};

/** What to prove oneself by; undefined if nothing was given. */
export const identitySource: ValueReader<IdentitySource | undefined> = (text) => {
  const value = text === undefined ? undefined : identitySourceOf(text);
  if (text === undefined || value !== undefined) return { kind: 'value', value };
  return fault(`"${text}" is none of ${Object.keys(IDENTITY_SOURCES).join(', ')}`);
};

/** What counts as activity of a person in a shell. */
export const activityKind: ValueReader<'keys' | 'output'> = (text) =>
  text === 'keys' || text === 'output'
    ? { kind: 'value', value: text }
    : fault(`"${text}" is neither keys nor output`);

/** Any text, or undefined if none was given. */
export const optionalText: ValueReader<string | undefined> = (value) => ({ kind: 'value', value });

/** Of a switch: true if it is on. */
export const isOn: ValueReader<boolean> = (text = '') => {
  const word = text.toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return { kind: 'value', value: true };
  if (['', '0', 'false', 'no', 'off'].includes(word)) return { kind: 'value', value: false };
  return fault(`"${text}" is neither 1 nor 0`);
};

/** Of a switch that forbids something: true if it is off. */
export const isOff: ValueReader<boolean> = (text) => {
  const read = isOn(text);
  return read.kind === 'fault' ? read : { kind: 'value', value: !read.value };
};

function fault(text: string): { readonly kind: 'fault'; readonly fault: string } {
  return { kind: 'fault', fault: text };
}

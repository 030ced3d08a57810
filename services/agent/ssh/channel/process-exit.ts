// How a program ended, in the words of RFC 4254 section 6.10.
import { constants } from 'node:os';
import type { ProcessEnd } from '../../platform/process-end.ts';

/** `name` has no SIG. */
export type ProcessExit =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly name: string; readonly coreDumped: boolean };

/** What a shell answers for a command that cannot be run. */
export const EXIT_CANNOT_RUN: ProcessExit = { kind: 'code', code: 127 };

/** The signals that the RFC names. */
const NAMED_SIGNALS = 'ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2'.split(' ');
/** What sshd calls every other signal, real-time signals included. */
const OTHER_SIGNAL = 'SIG@openssh.com';

const NUMBERS: Readonly<Record<string, number>> = constants.signals;
const NAMES: ReadonlyMap<number | undefined, string> = new Map(
  NAMED_SIGNALS.map((name) => [NUMBERS[`SIG${name}`], name]),
);

/** What is reported to a client of this end. */
export function exitFrom(end: ProcessEnd): ProcessExit {
  if (end.kind === 'code') return end;
  return { kind: 'signal', name: NAMES.get(end.signal) ?? OTHER_SIGNAL, coreDumped: end.coreDumped };
}

/** The signal that a client names in a `signal` request, without SIG; undefined when there is no such signal. */
export function signalFrom(name: string): NodeJS.Signals | undefined {
  const signal = `SIG${name}`;
  return Object.hasOwn(NUMBERS, signal) ? (signal as NodeJS.Signals) : undefined;
}

// How a program ended, in the words of RFC 4254 section 6.10.
import { constants } from 'node:os';

/** `name` has no SIG. */
export type ProcessExit =
  | { readonly kind: 'code'; readonly code: number }
  | {
      readonly kind: 'signal';
      readonly name: string;
      readonly coreDumped: boolean;
      readonly message: string;
    };

/** What a shell answers for a command that cannot be run. */
export const EXIT_CANNOT_RUN: ProcessExit = { kind: 'code', code: 127 };

/** The signals that exit-signal may name; ssh2 throws on any other. */
const NAMED_SIGNALS: ReadonlySet<string> = new Set(
  'ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2'.split(' '),
);

/** From what Node tells. A signal without a name in the RFC becomes 128 and its number, as in a shell. */
export function exitFrom(code: number | null, signal: string | null): ProcessExit {
  if (signal === null) return { kind: 'code', code: code ?? 255 };
  const name = signal.replace(/^SIG/, '');
  if (NAMED_SIGNALS.has(name)) return { kind: 'signal', name, coreDumped: false, message: '' };
  return { kind: 'code', code: 128 + ((constants.signals as Record<string, number>)[signal] ?? 0) };
}

/** The signal that a client names in a `signal` request, without SIG; undefined when there is no such signal. */
export function signalFrom(name: string): NodeJS.Signals | undefined {
  const signal = `SIG${name}`;
  return Object.hasOwn(constants.signals, signal) ? (signal as NodeJS.Signals) : undefined;
}

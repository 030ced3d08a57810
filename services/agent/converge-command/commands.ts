// The commands of `converge`: one table for its help and for its completion.
import { holdWordsOf } from '../expiry/hold-words.ts';

interface CommandEntry {
  readonly name: string;
  /** What follows it, in words for a person; empty if nothing does. */
  readonly takes: string;
  /** What a shell offers behind it; durations and the like are examples. */
  readonly offers: readonly string[];
  /** For the help, on the system whose shells people are in. */
  readonly help: (system: NodeJS.Platform) => string;
}

/** In the order of the help. */
export const CONVERGE_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'status',
    takes: '[--json]',
    offers: ['--json'],
    help: () => 'who is in and what they do, what holds, when this ends and why then',
  },
  {
    name: 'hold',
    takes: '[DURATION]',
    offers: ['30m', '1h', '2h', '4h'],
    help: (system) =>
      `keep the job for DURATION from now (2h, 90m; default: the agent's timeout), also when everybody leaves; as ${holdWordsOf(system).hold}, but it shortens no hold`,
  },
  {
    name: 'release',
    takes: '',
    offers: [],
    help: (system) => `let go: end when the last client leaves; the same as: ${holdWordsOf(system).release}`,
  },
  {
    name: 'allow',
    takes: 'KEY',
    offers: [],
    help: () => 'let in whoever has this key too, until the end: a line as authorized_keys has it, in quotes',
  },
  {
    name: 'password',
    takes: 'on|off',
    offers: ['on', 'off'],
    help: () =>
      'let people in by the password, or not: it is off by itself after 100 wrong ones; sessions that are open go on',
  },
  {
    name: 'continue',
    takes: '',
    offers: [],
    help: () => 'end now, and the job goes on as a success',
  },
  {
    name: 'fail',
    takes: '[CODE]',
    offers: ['1'],
    help: () => 'end now, and the job fails with CODE (1 to 255; default: 1)',
  },
  {
    name: 'end',
    takes: '',
    offers: [],
    help: () => "end now: every session closes; the job's own result stands",
  },
  {
    name: 'completion',
    takes: 'bash|zsh',
    offers: ['bash', 'zsh'],
    help: () => 'print what makes Tab complete these words: eval "$(converge completion bash)"',
  },
  { name: 'help', takes: '', offers: [], help: () => 'this text' },
];

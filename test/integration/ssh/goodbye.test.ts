// The end of an agent as other people's clients see it: told in their words, with no exit code that is worse than before.
import { spawn } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { CLIENT_ENV, type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { until } from '../../support/time/poll.ts';

const END = { farewell: 'FAREWELL', reason: 'the deadline was reached' };
const PASSWORD = 'of-this-test';
/** Holes, and so many that no download of them is done before the end. */
const LARGE_BYTES = 2 ** 38;

let host: SshHost;
beforeAll(() => ensureCommands(['ssh', 'sftp', 'plink', 'dbclient']));
afterEach(() => host.stop());

/** An exit code, or the signal that killed it. */
type Ending = number | NodeJS.Signals | null;

interface Ended {
  readonly ending: Ending;
  /** All that it printed, on both of its outputs. */
  readonly said: string;
}

/** Of a client that is logged in and has printed `there`, and then hears the end. */
async function endOf(command: readonly string[], there: RegExp): Promise<Ended> {
  const [program = '', ...args] = command;
  const env = { ...CLIENT_ENV, HOME: host.folder, DROPBEAR_PASSWORD: PASSWORD };
  const child = spawn(program, args, { env });
  if (program === 'sftp') child.stdin.end('get large /dev/null\n');
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  const closed = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  await until('it is there', () => host.server.clients().length === 1 && there.test(said));
  await host.server.stop(END);
  return { ending: await closed, said };
}

const HOST = 'abc@127.0.0.1';
const SLEEP = 'echo there; sleep 60';
const openssh = (...args: readonly string[]): readonly string[] => [...host.clientOptions, ...args];
const plink = (...args: readonly string[]): readonly string[] => {
  const known = ['-batch', '-hostkey', host.fingerprint, '-P', String(host.port)];
  return ['plink', ...known, '-l', 'abc', '-pw', PASSWORD, ...args];
};
const dbclient = (...args: readonly string[]): readonly string[] => [
  'dbclient',
  '-y',
  '-y',
  '-p',
  String(host.port),
  ...args,
];

interface Client {
  readonly what: string;
  readonly command: () => readonly string[];
  readonly there: RegExp;
  /** As before there were words. */
  readonly code: number;
  /** `farewell`: at its terminal and nothing else. `reason`: that of the DISCONNECT. */
  readonly hears: 'farewell' | 'reason' | 'nothing';
  /** Where the DISCONNECT comes in one read with the end of the channel, it tells the reason too, and ends with this code. */
  readonly orElse?: number;
  /** Where it is about to say something as its own `ssh` ends, it does not get to its exit code. */
  readonly orBy?: NodeJS.Signals;
  readonly password?: string;
}

const CLIENTS: readonly Client[] = [
  {
    what: 'a shell of ssh',
    command: () => ['ssh', ...openssh('-tt', HOST)],
    there: /welcome/,
    code: 255,
    hears: 'farewell',
  },
  {
    what: 'a command of ssh',
    command: () => ['ssh', ...openssh(HOST, SLEEP)],
    there: /there/,
    code: 255,
    hears: 'nothing',
  },
  {
    what: 'ports of ssh',
    command: () => ['ssh', ...openssh('-N', HOST)],
    there: /^/,
    code: 255,
    hears: 'reason',
  },
  {
    what: 'a download of sftp',
    command: () => ['sftp', '-b', '-', ...openssh(HOST)],
    there: /get large/,
    code: 255,
    orBy: 'SIGPIPE',
    hears: 'nothing',
  },
  {
    what: 'a shell of plink',
    command: () => plink('-t', '127.0.0.1'),
    there: /welcome/,
    code: 0,
    orElse: 1,
    hears: 'farewell',
    password: PASSWORD,
  },
  {
    what: 'a command of plink',
    command: () => plink('-T', '127.0.0.1', SLEEP),
    there: /there/,
    code: 0,
    orElse: 1,
    hears: 'nothing',
    password: PASSWORD,
  },
  {
    what: 'ports of plink',
    command: () => plink('-N', '127.0.0.1'),
    there: /^/,
    code: 1,
    hears: 'reason',
    password: PASSWORD,
  },
  {
    what: 'a command of dbclient',
    command: () => dbclient('-T', HOST, SLEEP),
    there: /there/,
    code: 0,
    hears: 'nothing',
    password: PASSWORD,
  },
];

test.each(CLIENTS)('$what: $hears', async ({ command, there, code, orElse, orBy, hears, password }) => {
  host = await startSshHost({ ...(password === undefined ? {} : { password }), logLevel: 'INFO' });
  await writeFile(join(host.cwd, 'large'), '');
  await truncate(join(host.cwd, 'large'), LARGE_BYTES);
  const ended = await endOf(command(), there);
  expect(ended.said.includes(END.farewell)).toBe(hears === 'farewell');
  const isTold = hears === 'reason' || (orElse !== undefined && ended.ending === orElse);
  expect(ended.said.includes(END.reason)).toBe(isTold);
  // Whoever has seen a channel close needs no second word for it.
  expect(/received disconnect|sent disconnect/i.test(ended.said)).toBe(isTold);
  expect([code, orElse, orBy].filter((ending) => ending !== undefined)).toContain(ended.ending);
});

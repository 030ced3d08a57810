// Commands and terminals, with Debian's sshd as the judge: the same ssh to both, the same outcome.
import { spawn } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { CLIENT_ENV, outcomeOf, type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { startSshd } from '../../support/ssh/sshd.ts';

const HOST = 'abc@127.0.0.1';
/** Where the two are meant to differ: where a session starts, and which files its shell reads first. */
const SAME_START = 'cd /tmp; PATH=/usr/bin:/bin; ';

let stack: AsyncDisposableStack;
let host: SshHost;
let reference: { readonly options: readonly string[]; readonly destination: string };

beforeAll(async () => {
  await ensureCommands(['sshd', 'top']); // ps comes with top
  stack = new AsyncDisposableStack();
  // The job has a terminal of its own, about which no session should hear.
  const env = { PATH: CLIENT_ENV.PATH, HOME: '/root', TERM: 'dumb', SSH_TTY: '/dev/pts/999' };
  host = await startSshHost({ env, greeting: () => '' });
  stack.defer(() => host.stop());
  copyFileSync(host.keyFile, path.join(host.folder, 'key'));
  copyFileSync(`${host.keyFile}.pub`, path.join(host.folder, 'key.pub'));
  reference = await startSshd(stack, host.folder);
});
afterAll(() => stack.disposeAsync());

/** Each of them, by its name, with what `ssh` needs to get there. */
function both(options: readonly string[] = []): readonly (readonly string[])[] {
  return [
    [...host.clientOptions, ...options, HOST],
    [...reference.options, '-o', 'BatchMode=yes', ...options, reference.destination],
  ];
}

async function compare(command: string, stdin?: Buffer, options?: readonly string[]): Promise<unknown> {
  const outcomes = [];
  for (const target of both(options)) {
    const child = spawn('ssh', [...target, SAME_START + command], { env: CLIENT_ENV });
    const { code, stdout, stderr } = await outcomeOf(child, stdin);
    outcomes.push({ code, stdout: stdout.toString('latin1'), stderr });
  }
  const [ours, theirs] = outcomes;
  expect(ours).toEqual(theirs);
  return ours;
}

describe('a command without a terminal', () => {
  test.each([
    'echo x >/dev/stderr',
    'echo x | tee /dev/stderr /dev/stdout',
    'cat /dev/stdin',
    'bash /dev/stdin',
    'cat </proc/self/fd/0',
    'for fd in 0 1 2; do readlink /proc/self/fd/$fd | cut -d: -f1; done',
    'ls /proc/self/fd',
    'grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status',
    'test $(ps -o sid= -p $$) = $$ && test $(ps -o pgid= -p $$) = $$ && echo a session of its own',
    'ps -o tty= -p $$',
    'echo "$USER $LOGNAME [$TERM] [$SSH_TTY]"',
    'echo $0',
    'no-such-command',
    'exit 255',
    'kill -34 $$',
    'kill -64 $$',
    'kill -BUS $$',
    'kill -SEGV $$',
    'kill -HUP $$',
    'sleep 0.3 & exit 3',
    'sleep 0.3 >/dev/null 2>&1 & exit 3',
    'cat >/dev/null; exec >&- 2>&-; sleep 0.2; exit 6',
    'umask',
  ])('%s', async (command) => {
    await compare(command, Buffer.from('echo one\necho two >&2\nexit 9\n'));
  });

  test('TERM is there when the client has sent it', async () => {
    const sent = await host.ssh(['-o', 'SetEnv=TERM=vt52', HOST, 'echo $TERM']);
    expect(sent.stdout.toString()).toBe('vt52\n');
  });
});

describe('a command on a terminal', () => {
  test.each([
    'kill -34 $$',
    'exit 7',
    'echo "[$TERM]"; test "$SSH_TTY" = "$(tty)" && echo named',
    'echo $0; ls /proc/self/fd; readlink /proc/self/fd/* | grep -c pts',
    'grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status',
    'test $(ps -o sid= -p $$) = $$ && test $(ps -o tpgid= -p $$) = $$ && echo in the foreground',
    // The shell may not end before nohup has said its word.
    'rm -f runs; nohup sh -c "echo > runs; sleep 0.3" & until [ -e runs ]; do :; done; exit 4',
  ])('%s', async (command) => {
    await compare(command, undefined, ['-tt']);
  });

  test('its terminal is set as there, but for the size and a line of UTF-8', async () => {
    const settings = await compare('stty cols 80 rows 24 iutf8; stty -a', undefined, ['-tt']);
    expect(settings).toMatchObject({ code: 0, stdout: expect.stringContaining('eol = <undef>;') });
  });
});

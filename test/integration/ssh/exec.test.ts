// Commands without a terminal, over Debian's ssh.
import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { STATUS_QUESTION } from '#shared/commands/status-question.ts';
import { isAlive } from '../../support/machine/alive.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { CLIENT_ENV, outcomeOf, type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { dialSsh2 } from '../../support/ssh/ssh2-client.ts';
import { until } from '../../support/time/poll.ts';

const HOST = 'abc@127.0.0.1';
let host: SshHost;

beforeEach(async () => {
  host = await startSshHost();
});
afterEach(async () => {
  await host.stop();
});

test('stdout, stderr and the exit status arrive apart', async () => {
  const outcome = await host.ssh([HOST, 'echo out; echo err >&2; exit 7']);
  expect(outcome).toEqual({ code: 7, stdout: Buffer.from('out\n'), stderr: 'err\n' });
});

test('a command that succeeds ends with 0', async () => {
  expect((await host.ssh([HOST, 'true'])).code).toBe(0);
});

test('a command killed by a signal ends with exit-signal', async () => {
  const outcome = await host.ssh(['-v', HOST, 'kill -TERM $$']);
  expect(outcome.code).toBe(255);
  expect(outcome.stderr).toContain('rtype exit-signal');
});

test('sessions start in the working directory with the environment of the job', async () => {
  const outcome = await host.ssh([
    HOST,
    'pwd; echo "$JOB_NAME"; echo "$SHELL"; echo "${SSH_CONNECTION%% *}"',
  ]);
  expect(outcome.stdout.toString()).toBe(`${host.cwd}\nnightly build\n/bin/bash\n127.0.0.1\n`);
});

test('variables of the client are set', async () => {
  const outcome = await host.ssh(['-o', 'SetEnv=GREETING="good day"', HOST, 'echo "$GREETING"']);
  expect(outcome.stdout.toString()).toBe('good day\n');
});

test('a shell without a terminal runs the script on its stdin', async () => {
  const outcome = await host.ssh(['-T', HOST], { stdin: Buffer.from('echo one\nexit 3\n') });
  expect(outcome.stdout.toString()).toBe('one\n');
  expect(outcome.code).toBe(3);
});

test('100 MB go through cat and come back the same', { timeout: 120_000 }, async () => {
  const block = randomBytes(1024 * 1024);
  const input = Buffer.concat(Array.from({ length: 100 }, () => block));
  const outcome = await host.ssh([HOST, 'cat'], { stdin: input });
  expect(outcome.code).toBe(0);
  expect(outcome.stdout.length).toBe(input.length);
  expect(hash('sha256', outcome.stdout)).toBe(hash('sha256', input));
});

test.each([1, 2, 3])('the last output before the exit is never cut (%i)', async () => {
  const outcome = await host.ssh([HOST, 'head -c 3000000 /dev/zero; exit 4']);
  expect(outcome.stdout.length).toBe(3_000_000);
  expect(outcome.code).toBe(4);
});

test('stdout and stderr that both had to wait for the client are complete and in order', async () => {
  const lines = 1_000_000; // several windows of each
  const child = host.start([HOST, `seq ${lines} >&2 & seq ${lines}; wait`]);
  for (const stream of [child.stdout, child.stderr]) {
    // A reader that is slower than the server, so that the window is used up again and again on either.
    stream?.on('data', () => {
      stream.pause();
      setTimeout(() => stream.resume(), 4);
    });
  }
  const outcome = await outcomeOf(child);
  const expected = `${Array.from({ length: lines }, (_, index) => index + 1).join('\n')}\n`;
  expect(outcome.stdout.toString() === expected).toBe(true);
  expect(outcome.stderr === expected).toBe(true);
});

test('both ways stay the same across many key exchanges', { timeout: 120_000 }, async () => {
  const input = randomBytes(20 * 1024 * 1024);
  const outcome = await host.ssh(['-v', '-o', 'RekeyLimit=1M', HOST, 'cat'], { stdin: input });
  expect(outcome.code).toBe(0);
  expect(outcome.stderr.split('SSH2_MSG_KEXINIT received').length).toBeGreaterThan(10);
  expect(hash('sha256', outcome.stdout)).toBe(hash('sha256', input));
});

test.each(['aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-ctr'])('%s works', async (cipher) => {
  const input = randomBytes(300_000);
  const outcome = await host.ssh(['-c', cipher, HOST, 'cat'], { stdin: input });
  expect(hash('sha256', outcome.stdout)).toBe(hash('sha256', input));
});

test('a program that stops reading its stdin does not hold up the session', async () => {
  const outcome = await host.ssh([HOST, 'head -c 1 | wc -c'], { stdin: randomBytes(8_000_000) });
  expect(outcome.stdout.toString().trim()).toBe('1');
  expect(outcome.code).toBe(0);
});

test('a background job that lets go of its output does not keep the client', async () => {
  const outcome = await host.ssh([HOST, 'sleep 60 >/dev/null 2>&1 </dev/null & echo $!']);
  expect(outcome.code).toBe(0);
  process.kill(Number(outcome.stdout.toString()), 'SIGKILL');
});

test('a client that is lost leaves its command running, as sshd does: what is logged is complete', async () => {
  const [begun, go, log] = ['begun', 'go', 'log'].map((name) => path.join(host.folder, name)) as [
    string,
    string,
    string,
  ];
  const work = `echo made; until test -e ${go}; do sleep 0.05; done; cat; echo done`;
  const child = host.start([HOST, `sleep 61 >/dev/null 2>&1 & echo $! >${begun}; { ${work}; } >${log} 2>&1`]);
  await until('the command runs', () => existsSync(log) && readFileSync(log, 'utf8') === 'made\n');
  child.kill('SIGKILL');
  await until('the client is missed', () => host.logouts.length === 1);
  writeFileSync(go, '');
  await until('it is through', () => readFileSync(log, 'utf8') === 'made\ndone\n');
  const background = Number(readFileSync(begun, 'utf8'));
  expect(isAlive(background)).toBe(true);
  process.kill(background, 'SIGKILL');
});

test('a client that is lost while its input is stuck leaves a command that reads it to its end', async () => {
  const [go, count] = ['go', 'count'].map((name) => path.join(host.folder, name)) as [string, string];
  const child = host.start([HOST, `echo ready; until test -e ${go}; do sleep 0.05; done; wc -c >${count}`]);
  child.stdin?.on('error', () => {});
  child.stdin?.write(randomBytes(6_000_000));
  await once(child.stdout ?? child, 'data');
  child.kill('SIGKILL');
  await until('the client is missed', () => host.logouts.length === 1);
  writeFileSync(go, '');
  await until('its input has ended', () => existsSync(count) && readFileSync(count, 'utf8') !== '');
});

test('how a command ended is told at once, also while a background job holds its output', async () => {
  const go = path.join(host.folder, 'go');
  const client = dialSsh2(host);
  await once(client, 'ready');
  let output = '';
  const { promise, resolve, reject } = Promise.withResolvers<Record<'exited' | 'closed', Promise<unknown>>>();
  // Its exit may come with the answer that it has started.
  client.exec(`(until test -e ${go}; do sleep 0.05; done; echo late) & exit 5`, (error, channel) => {
    if (error !== undefined) return reject(error);
    channel.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    resolve({ exited: once(channel, 'exit'), closed: once(channel, 'close') });
  });
  const { exited, closed } = await promise;
  expect(await exited).toEqual([5]);
  expect(output).toBe('');
  writeFileSync(go, '');
  await closed;
  expect(output).toBe('late\n');
  client.end();
});

test('many sessions share one connection, and one that ends leaves the others alone', async () => {
  const control = ['-o', `ControlPath=${host.folder}/control`];
  const master = host.start([...control, '-M', '-N', HOST]);
  await until('the master is up', () => existsSync(`${host.folder}/control`));
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      host.ssh([...control, HOST, `sleep 0.${index}; echo ${index}; exit ${index}`]),
    ),
  );
  expect(outcomes.map((outcome) => outcome.code)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(host.logins).toHaveLength(1);
  master.kill();
});

test('ten clients at once each get their own answer', { timeout: 120_000 }, async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      host.ssh([HOST, `cat; echo ${index}`], { stdin: Buffer.alloc(100_000, 'x') }),
    ),
  );
  for (const [index, outcome] of outcomes.entries()) {
    expect(outcome.stdout.toString()).toBe(`${'x'.repeat(100_000)}${index}\n`);
  }
  expect(host.logins).toHaveLength(10);
  await until('everybody has left', () => host.logouts.length === 10);
  expect(host.server.clients()).toEqual([]);
});

test('a working directory that is gone is replaced by / with a note', async () => {
  await host.stop();
  host = await startSshHost({ cwd: '/nonexistent/workspace' });
  const outcome = await host.ssh([HOST, 'pwd']);
  expect(outcome.stdout.toString()).toBe('/\n');
  expect(outcome.stderr).toContain('cannot enter /nonexistent/workspace (no such file or directory)');
});

test('a shell that cannot be run is a clear message and exit status 127', async () => {
  await host.stop();
  host = await startSshHost({ shell: '/nonexistent/shell' });
  const outcome = await host.ssh([HOST, 'true']);
  expect(outcome.code).toBe(127);
  expect(outcome.stderr).toBe('converge: cannot run /nonexistent/shell: no such file or directory\n');
});

test('scp and sftp copy files both ways, with the old protocol and the new', async () => {
  const content = randomBytes(2_000_000);
  const source = path.join(host.folder, 'source file');
  writeFileSync(source, content);
  for (const protocol of [['-O'], ['-s']]) {
    const target = path.join(host.folder, 'target');
    const up = spawn('scp', [...host.clientOptions, ...protocol, source, `${HOST}:target`], {
      env: CLIENT_ENV,
    });
    expect(await outcomeOf(up)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(target).equals(content)).toBe(true);
    const down = spawn('scp', [...host.clientOptions, ...protocol, `${HOST}:target`, `${target}-back`], {
      env: CLIENT_ENV,
    });
    expect(await outcomeOf(down)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(`${target}-back`).equals(content)).toBe(true);
    rmSync(target);
  }
  await ensureCommands(['rsync']);
  const rsync = spawn('rsync', ['-e', `ssh ${host.clientOptions.join(' ')}`, source, `${HOST}:synced`], {
    env: CLIENT_ENV,
  });
  expect(await outcomeOf(rsync)).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(path.join(host.folder, 'synced')).equals(content)).toBe(true);
});

test('asking how long is left is no activity, or a page that shows it would hold the job for ever', async () => {
  const moved = async (command: string): Promise<number> => {
    const before = host.activity.count;
    await host.ssh([HOST, command]);
    return host.activity.count - before;
  };
  // The login itself, and nothing that is printed.
  const login = await moved('true');
  expect(await moved(STATUS_QUESTION)).toBe(login);
  expect(await moved(`${STATUS_QUESTION}; true`)).toBeGreaterThan(login);
});

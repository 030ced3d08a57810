// wsproxy as a process: bytes, ends, exit codes, and the real ssh on top.
import { spawn } from 'node:child_process';
import { createHash, hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import { REPLAY_LIMIT_BYTES } from '#shared/resume/limits.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import { openClientProgram } from '../../support/clients/test-program.ts';
import { freePort } from '../../support/network/ports.ts';
import {
  type ClientProgram,
  cleanEnvironment,
  commandOf,
  outputOf,
} from '../../support/process/client-program.ts';
import { echo, greet, type StandInRelay, say } from '../../support/relay/stand-in-relay.ts';
import { openStandIn } from '../../support/relay/test-stand-in.ts';
import { makeKeyFile } from '../../support/ssh/key-file.ts';
import {
  createPinnedSshHost,
  type PinnedSshHost,
  VERIFIABLE_KEX,
} from '../../support/ssh/pinned-ssh-host.ts';
import { until } from '../../support/time/poll.ts';

function wsproxy(...args: string[]): ClientProgram {
  return openClientProgram('wsproxy', args);
}

describe('bytes', () => {
  test('go both ways unchanged, with nothing else on standard output or standard error', async () => {
    const relay = await openStandIn({ serve: echo });
    const program = wsproxy(relay.url());
    const sent = randomBytes(8 << 20);
    program.child.stdin.write(sent);
    const received: Buffer[] = [];
    let count = 0;
    program.child.stdout.on('data', (chunk: Buffer) => {
      received.push(chunk);
      count += chunk.length;
    });
    await until('all came back', () => count >= sent.length);
    program.child.stdin.end();
    expect(await program.exit).toBe(0);
    expect(hash('sha256', Buffer.concat(received))).toBe(hash('sha256', sent));
    expect(program.errors()).toBe('');
  });

  test('that were read are delivered before the session ends and its connection closes with 1000', async () => {
    const chunks: Buffer[] = [];
    const relay = await openStandIn({
      serve: (session) => duplexOf(session).on('data', (chunk: Buffer) => chunks.push(chunk)),
    });
    const program = wsproxy(relay.url());
    const sent = randomBytes(3 << 20);
    program.child.stdin.end(sent);
    expect(await program.exit).toBe(0);
    await until('the relay saw the end', () => relay.closed.length > 0);
    expect(relay.closed).toEqual([1000]);
    expect(hash('sha256', Buffer.concat(chunks))).toBe(hash('sha256', sent));
  });

  test('that the agent sent before it ended the session all reach a slow reader', async () => {
    const sent = randomBytes(2 << 20);
    const relay = await openStandIn({ serve: say(sent) });
    const program = wsproxy(relay.url());
    const received: Buffer[] = [];
    program.child.stdout.pause();
    await until('wsproxy has started to deliver', () => {
      program.child.stdout.read(0);
      return program.child.stdout.readableLength > 0;
    });
    for await (const chunk of program.child.stdout) {
      received.push(chunk as Buffer);
      await new Promise(setImmediate);
    }
    expect(await program.exit).toBe(0);
    expect(hash('sha256', Buffer.concat(received))).toBe(hash('sha256', sent));
  });

  test('are not taken from the agent beyond the window while nobody reads standard output', async () => {
    const block = randomBytes(64 << 10);
    const blocks = 1024;
    let taken = 0;
    const relay = await openStandIn({
      serve: (session) => {
        const duplex = duplexOf(session);
        const writeNext = (): void => {
          if (taken === blocks) return void duplex.end();
          duplex.write(block, () => {
            taken += 1;
            writeNext();
          });
        };
        writeNext();
      },
    });
    const program = wsproxy(relay.url());
    program.child.stdout.pause();
    let last = -1;
    let still = 0;
    await until('nothing moves any more', () => {
      still = taken === last && taken > 0 ? still + 1 : 0;
      last = taken;
      return still > 30;
    });
    // The window, and what a pipe and the streams around it hold.
    expect(last * block.length).toBeLessThan(REPLAY_LIMIT_BYTES + (1 << 20));
    const hash = createHash('sha256');
    for await (const chunk of program.child.stdout) hash.update(chunk as Buffer);
    expect(await program.exit).toBe(0);
    const expected = createHash('sha256');
    for (let n = 0; n < blocks; n += 1) expected.update(block);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
  });
});

describe('the end', () => {
  test('is quiet when the reader of standard output is gone', async () => {
    const relay = await openStandIn({
      serve: (session) => {
        const duplex = duplexOf(session);
        const timer = setInterval(() => duplex.write(Buffer.alloc(60_000)), 5);
        duplex.on('close', () => clearInterval(timer));
        duplex.resume();
      },
    });
    const program = wsproxy(relay.url());
    await once(program.child.stdout, 'data');
    program.child.stdout.destroy();
    expect(await program.exit).toBe(0);
    expect(program.errors()).toBe('');
  });

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('is quiet on %s', async (signal) => {
    const relay = await openStandIn({ serve: greet });
    const program = wsproxy(relay.url());
    await once(program.child.stdout, 'data');
    program.child.kill(signal);
    expect(await program.exit).toBe(0);
    expect(program.errors()).toBe('');
    await until('the relay saw the end', () => relay.closed.length > 0);
    expect(relay.closed).toEqual([1000]);
  });

  test('reaches the agent when a terminal closes, which hangs up twice', async () => {
    let refusing = false;
    const relay = await openStandIn({ answer: () => (refusing ? 'draining' : undefined), serve: greet });
    const program = wsproxy(relay.url());
    await once(program.child.stdout, 'data');
    refusing = true;
    relay.drop('lost');
    await until('it dials again', () => relay.asked.length > 1);
    program.child.kill('SIGHUP');
    program.child.kill('SIGHUP');
    const asked = relay.asked.length;
    await until('it goes on dialling', () => relay.asked.length > asked + 1);
    program.child.kill('SIGHUP');
    refusing = false;
    expect(await program.exit).toBe(0);
    await until('the agent knows', () => relay.events.at(-1)?.kind === 'finished');
  });

  test('is quiet on a signal while it waits for an agent', async () => {
    const relay = await openStandIn({ answer: () => 'silence' });
    const program = wsproxy(relay.url());
    await until('it has asked', () => relay.asked.length > 0);
    program.child.kill('SIGHUP');
    expect(await program.exit).toBe(0);
    expect(program.errors()).toBe('');
  });

  test.each(['expired', 'going_away'] as const)('by the agent is said in one line: %s', async (reason) => {
    const relay = await openStandIn({ serve: (session) => session.cut({ reason }) });
    const { output, errors, code } = await outputOf(wsproxy(relay.url()));
    const line = `wsproxy: the connection was closed: ${CLOSE_REASONS[reason].meaning}\n`;
    expect({ output: output.toString(), errors, code }).toEqual({ output: '', errors: line, code: 0 });
  });

  test('by a fault of the agent is said in one line', async () => {
    const relay = await openStandIn({ serve: (session) => session.cut({ reason: 'fault' }) });
    const { errors, code } = await outputOf(wsproxy(relay.url()));
    expect(errors).toBe('wsproxy: the connection broke: the stream was cut at the other end (aborted)\n');
    expect(code).toBe(3);
  });
});

describe('no connection', () => {
  async function failed(...args: string[]): Promise<string> {
    const { output, errors, code } = await outputOf(wsproxy(...args));
    expect(output).toHaveLength(0);
    expect(errors).toMatch(/^wsproxy: [^\n]+\n$/);
    return `${code} ${errors.slice('wsproxy: '.length, -1)}`;
  }

  test('exits 2 for a bad argument', async () => {
    expect(await failed('nonsense')).toMatch(/^2 "nonsense" is not a URL of a relay/);
  });

  test('exits 3 when the relay refuses the connection', async () => {
    const port = await freePort();
    expect(await failed('--wait', '0', `ws://127.0.0.1:${port}/client/job-1`)).toBe(
      `3 relay 127.0.0.1:${port}: connection refused`,
    );
  });

  test('exits 3 when no host has the name', async () => {
    expect(await failed('--wait', '0', 'ws://nowhere.invalid/client/x')).toMatch(
      /^3 relay nowhere\.invalid:80: /,
    );
  });

  test('exits 4 when there is no such agent', async () => {
    const relay = await openStandIn({ answer: () => 'agent_not_found' });
    expect(await failed('--wait', '0', relay.url())).toBe(
      `4 no agent \`job-1\` at 127.0.0.1:${relay.port}: it may have ended, or not started yet; --wait 5m waits for it`,
    );
    expect(relay.asked).toEqual(['/client/job-1']);
  });

  test('exits 4 when the relay refuses', async () => {
    const relay = await openStandIn({ answer: () => 'unauthorized' });
    expect(await failed(relay.url())).toMatch(
      /^4 127\.0\.0\.1:\d+ refused: the stand-in says unauthorized \(unauthorized\)$/,
    );
  });

  test('waits for the agent through refusals that pass', async () => {
    const answers = ['agent_not_found', 'draining', 'agent_unresponsive', 502] as const;
    const relay = await openStandIn({
      answer: (n) => answers[n],
      serve: say(Buffer.from('here')),
    });
    const { output, code } = await outputOf(wsproxy('--wait', '1m', relay.url()));
    expect({ output: output.toString(), code }).toEqual({ output: 'here', code: 0 });
    const [first, second, ...more] = relay.asked;
    expect([first, second]).toEqual(['/client/job-1', '/client/job-1?wait=25']);
    expect(more).toHaveLength(3);
  });

  test('says after a while what it waits for: the agent, or the relay itself', async () => {
    const patient = await openStandIn({ answer: (n) => (n === 0 ? 'agent_not_found' : 'silence') });
    const mute = await openStandIn({ answer: () => 'silence' });
    const programs = [wsproxy(patient.url()), wsproxy(mute.url())] as const;
    await until('both say so', () => programs.every((program) => program.errors() !== ''));
    expect(programs.map((program) => program.errors())).toEqual([
      `wsproxy: waiting for agent \`job-1\` at 127.0.0.1:${patient.port}, for up to 30 seconds\n`,
      `wsproxy: waiting for an answer of relay 127.0.0.1:${mute.port}\n`,
    ]);
  });
});

describe('with ssh', () => {
  let folder: string;
  let key: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'converge wsproxy '));
    key = join(folder, 'key');
    await makeKeyFile(key);
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function ssh(
    url: string,
    command: string,
    input: Buffer,
  ): Promise<{ output: Buffer; errors: string; code: number | null }> {
    const settings = [
      `ProxyCommand=sh -c "${commandOf('wsproxy')} '${url}'; echo wsproxy exits \\$? >&2"`,
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'BatchMode=yes',
      `IdentityFile="${key}"`,
    ];
    const child = spawn(
      'ssh',
      ['-F', '/dev/null', ...settings.flatMap((setting) => ['-o', setting]), 'abc@job-1', command],
      {
        env: cleanEnvironment(),
      },
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const output: Buffer[] = [];
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { output: Buffer.concat(output), errors, code };
  }

  async function relayTo(host: PinnedSshHost): Promise<StandInRelay> {
    return openStandIn({ serve: (session) => host.serve(duplexOf(session)) });
  }

  test('a host with the pinned key is let through, in both directions', async () => {
    const host = createPinnedSshHost();
    const relay = await relayTo(host);
    const url = `${relay.url()}#${host.fingerprint}`;
    const { output, code } = await ssh(url, 'make test', Buffer.alloc(0));
    expect({ output: output.toString(), code }).toEqual({ output: 'ran make test\n', code: 7 });
    const sent = randomBytes(4 << 20);
    expect(hash('sha256', (await ssh(url, 'cat', sent)).output)).toBe(hash('sha256', sent));
    expect(relay.asked).toEqual(['/client/job-1', '/client/job-1']);
  });

  test('a host with another key is cut off before anybody logs in, and wsproxy exits 6', async () => {
    const host = createPinnedSshHost();
    const expected = createPinnedSshHost().fingerprint;
    const relay = await relayTo(host);
    const { output, errors, code } = await ssh(`${relay.url()}#${expected}`, 'true', Buffer.alloc(0));
    expect(output).toHaveLength(0);
    expect(errors).toContain(
      `wsproxy: host key mismatch: the host has ${host.fingerprint}, the URL expects ${expected}; the connection was cut\n`,
    );
    expect(errors).toContain('wsproxy exits 6\n');
    expect(code).toBe(255);
    expect(host.attempts()).toBe(0);
  });

  test('a host whose key cannot be checked is cut off too', async () => {
    const host = createPinnedSshHost([...VERIFIABLE_KEX, 'diffie-hellman-group-exchange-sha256']);
    const relay = await relayTo(host);
    const { errors } = await ssh(`${relay.url()}#${host.fingerprint}`, 'true', Buffer.alloc(0));
    expect(errors).toMatch(/wsproxy: the host key cannot be checked: .*group-exchange/);
    expect(errors).toContain('wsproxy exits 6\n');
    expect(host.attempts()).toBe(0);
  });

  test('any host is let through without a fingerprint', async () => {
    const host = createPinnedSshHost([...VERIFIABLE_KEX, 'diffie-hellman-group-exchange-sha256']);
    const relay = await relayTo(host);
    expect((await ssh(relay.url(), 'true', Buffer.alloc(0))).code).toBe(7);
  });
});

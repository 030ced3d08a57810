// A stranger who guesses the password of a job, as often as they can, from one address and from many.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createWebSocketStream } from 'ws';
import { type PersonProgram, type StormedJob, startStormedJob } from '../support/agent/stormed-job.ts';
import { startSshHost } from '../support/ssh/ssh-host.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';

const PASSWORD = 'correct horse battery';
const GUESS_WITHIN_MS = 15_000;

/** Sends one guess, and leaves as soon as there is an answer. */
async function guess(where: ssh2.ConnectConfig, password: string): Promise<void> {
  const client = new ssh2.Client();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.on('ready', resolve);
  client.on('error', () => resolve());
  client.on('close', resolve);
  client.connect({ ...where, username: 'abc', password });
  await promise;
  client.destroy();
}

test('a new connection starts no count anew: of 20 guesses in one moment one is compared', async () => {
  const clock = new ManualClock();
  await using cleanUp = new AsyncDisposableStack();
  const host = await startSshHost({ password: PASSWORD, clock });
  cleanUp.defer(() => host.stop());
  const clients: ssh2.Client[] = [];
  cleanUp.defer(() => {
    for (const client of clients) client.destroy();
  });
  for (let n = 0; n < 20; n += 1) {
    const client = new ssh2.Client();
    clients.push(client);
    client.on('error', () => undefined);
    client.connect({ host: '127.0.0.1', port: host.port, username: 'abc', password: `guess ${n}` });
    // Each connection waits for the end of its grace, and for its answer: that is held back, or the guess itself is.
    await until('the guess has come', () => clock.pending === 2 * (n + 1));
  }
  expect(host.refusals.filter(({ detail }) => detail === 'wrong password')).toHaveLength(1);
});

describe('a hundred guesses from a hundred addresses', () => {
  let job: StormedJob;

  beforeEach(async () => {
    const askpass = `#!/bin/sh\necho '${PASSWORD}'\n`;
    job = await startStormedJob({
      prepare: (folder) => writeFile(join(folder, 'askpass'), askpass, { mode: 0o700 }),
      env: { CONVERGE_PASSWORD: PASSWORD },
    });
  });

  afterEach(() => job[Symbol.asyncDispose]());

  /** Starts `ssh` as the person does, who knows the password. */
  function ssh(command: string): PersonProgram {
    return job.ssh(command, {
      way: ['-p', `${job.relay.sshPort}`],
      settings: ['NumberOfPasswordPrompts=1'],
      env: { SSH_ASKPASS: join(job.folder, 'askpass'), SSH_ASKPASS_REQUIRE: 'force' },
    });
  }

  /** Guesses until it is of no use any more, twenty at a time; what hangs on a busy machine is left behind. */
  async function guessAll(): Promise<void> {
    for (let first = 0; !job.agent.output().includes('password login is off'); first += 20) {
      expect(first).toBeLessThan(240);
      const guesses = Array.from({ length: 20 }, async (_, n) => {
        const sock = createWebSocketStream(await job.relay.dial(`198.51.100.${first + n}`));
        await guess({ sock }, `guess ${n}`);
      });
      await Promise.race([Promise.all(guesses), sleep(GUESS_WITHIN_MS)]);
    }
  }

  test('turn the password off, in one line that says the way out; whoever is in stays in and turns it on', async () => {
    const session = ssh('echo ready; read -r word; converge password on; read -r word; converge status');
    await until('the session runs', () => session.output().includes('ready'), 20_000);
    await guessAll();
    const shut = /converge \S+ UTC: password login is off after 100 wrong passwords: (.*)$/gm;
    await until('the job log says so', () => job.agent.output().match(shut) !== null, 30_000);
    expect(job.agent.output().match(shut)).toHaveLength(1);
    expect(job.agent.output()).toMatch(
      /`converge password on` in an open session, or (\/\S+\/converge) password on in this job, or a new start/,
    );

    const refused = await ssh('echo in').done;
    expect(refused).toContain('converge: password login is off; the job log says why');
    expect(refused).toContain('Permission denied');
    expect(refused).not.toMatch(/^in$/m);

    session.child.stdin?.write('now\n');
    await until('it is on again', () => session.output().includes('password on, after 0 of 100 wrong ones'));
    expect(await ssh('echo in').done).toMatch(/^in$/m);
    session.child.stdin?.write('and now\n');
    expect(await session.done).toMatch(/^password on, after 0 of 100 wrong ones$/m);
  });

  test('leave a way in through the job itself, where nobody has a session', async () => {
    await guessAll();
    const [, command = ''] = await until(
      'the job log says so',
      () => /or (\/\S+\/converge) password on in this job/.exec(job.agent.output()) ?? undefined,
      30_000,
    );
    const inJob = job.start(command, ['password', 'on'], {});
    expect(await once(inJob.child, 'close')).toEqual([0, null]);
    expect(await ssh('echo in').done).toMatch(/^in$/m);
  });
});

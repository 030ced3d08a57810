// Who gets in, who does not, and what the job log tells of both.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { type E2eAgent, launchAgent, startAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { listening } from '../support/network/ports.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';
import { certify } from '../support/ssh/ssh-keygen.ts';

const run = promisify(execFile);
const KEY_TYPES = ['ed25519', 'ecdsa', 'rsa'] as const;

const world = useWorld();

async function fingerprintOf(file: string): Promise<string> {
  const { stdout } = await run('ssh-keygen', ['-l', '-f', `${file}.pub`]);
  return stdout.split(' ')[1] ?? '';
}

describe.concurrent('a password', () => {
  let agent: E2eAgent;
  let way: Way;
  beforeAll(async () => {
    agent = await startAgent(world, { held: true });
    way = await openWay(world, agent);
  });

  test('that the agent made opens the job, and the login is logged', async () => {
    expect(await way.ssh([way.host, 'echo in'])).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
    await agent.process.see(/abc logged in from 127\.0\.0\.1 with the password\n/);
  });

  test('that is wrong six times ends the connection, and each time is logged', async () => {
    const wrong = await openWay(world, agent, { kind: 'password', text: 'guess' });
    const { code, stdout, stderr } = await wrong.ssh([
      '-o',
      'NumberOfPasswordPrompts=9',
      wrong.host,
      'echo in',
    ]);
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
    expect(stderr.split('Permission denied, please try again.').length - 1).toBe(5);
    await agent.process.see(/refused abc from 127\.0\.0\.1: wrong password \(attempt 6\)\n/);
    await agent.process.see(/connection cut \(address 127\.0\.0\.1, reason too many failed logins\)\n/);
    expect(agent.process.stdout).not.toContain('attempt 7');
  });

  test('of the wrong user is refused, and the name is logged', async () => {
    const { code, stdout } = await way.ssh([
      '-o',
      'NumberOfPasswordPrompts=1',
      `root@${agent.id}`,
      'echo in',
    ]);
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
    await agent.process.see(/refused root from 127\.0\.0\.1: user "root" is not "abc" \(attempt 1\)\n/);
  });

  test('that was chosen opens the job under the chosen name, and is printed nowhere', async () => {
    const env = { CONVERGE_PASSWORD: "it's a long secret", CONVERGE_USER: 'dana' };
    const chosen = await startAgent(world, { env, held: true });
    expect(chosen.card.password).toBeUndefined();
    expect(chosen.card.shell).toContain(' --user dana ');
    const their = await openWay(world, chosen, { kind: 'password', text: "it's a long secret" });
    const { code, stdout } = await their.ssh([their.host, 'env']);
    expect(code).toBe(0);
    expect(`${stdout}${chosen.process.stdout}${chosen.process.stderr}`).not.toContain('a long secret');
  });
});

describe.concurrent('a certificate', () => {
  /** An authority, and a person with a certificate for the names. */
  async function certified(names: string, options: readonly string[] = []) {
    const folder = await world.makeFolder('authority');
    const ca = join(folder, 'ca');
    await makeKeyFile(ca, 'ecdsa');
    const key = await makeKey(world);
    await certify(ca, key.file, ['-I', 'ada@example.com', '-n', names, '-z', '5', ...options]);
    return { ca, key };
  }

  test('by an authority that the agent trusts opens the job, for ssh and sftp, and is logged', async () => {
    const { ca, key } = await certified('abc,ada');
    const agent = await startAgent(world, { args: ['--trusted-user-ca', `${ca}.pub`], held: true });
    const authority = await fingerprintOf(ca);
    expect(agent.process.stdout).toContain(
      `Enter with an SSH certificate, no password.\n  certificates for abc by ${authority}`,
    );
    const way = await openWay(world, agent, key);
    expect(await way.ssh([way.host, 'echo in'])).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
    expect((await way.sftp(['pwd'])).stdout).toContain(agent.job);
    expect(agent.process.stdout).toContain(
      `abc logged in from 127.0.0.1 with certificate "ada@example.com" (serial 5) by ${authority} for key ${await fingerprintOf(key.file)}\n`,
    );
  });

  test('that is revoked, or for others, does not, and the log says why', async () => {
    const { ca, key } = await certified('ada');
    const folder = await world.makeFolder('revoked');
    await writeFile(join(folder, 'list'), 'serial: 5\n');
    const krl = join(folder, 'krl');
    await run('ssh-keygen', ['-q', '-k', '-f', krl, '-s', `${ca}.pub`, join(folder, 'list')]);
    const trusting = ['--trusted-user-ca', `${ca}.pub`];
    const others = await startAgent(world, { args: trusting });
    const revoking = [...trusting, '--principals', 'ada', '--revoked-keys', krl];
    const revoked = await startAgent(world, { args: revoking });
    for (const agent of [others, revoked]) {
      const way = await openWay(world, agent, key);
      expect(await way.ssh([way.host, 'echo in'])).toMatchObject({ code: 255, stdout: '' });
    }
    const name = 'refused abc from 127.0.0.1: certificate "ada@example.com"';
    await others.process.see(new RegExp(`${name} is for "ada", and --principals is abc\n`));
    await revoked.process.see(new RegExp(`${name} is revoked, by its serial number\n`));
  });
});

describe.concurrent('an account', () => {
  test('whose owner adds a key after the job has started opens the job with it', async () => {
    const [early, late] = [await makeKey(world), await makeKey(world)];
    let list = await readFile(`${early.file}.pub`, 'utf8');
    await using server = await listening(createServer((_request, reply) => reply.end(list)));
    const url = `http://127.0.0.1:${server.port}/ada.keys`;
    const agent = await startAgent(world, {
      args: ['--allow-insecure-keys-url', '--allow', url],
      held: true,
    });
    expect(agent.process.stdout).toContain(`  ${url}:\n    ${await fingerprintOf(early.file)}\n`);
    list += await readFile(`${late.file}.pub`, 'utf8');
    const way = await openWay(world, agent, late);
    expect(await way.ssh([way.host, 'echo in'])).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
    expect(agent.process.stdout).toContain(
      `${url} may enter with more keys now: ${await fingerprintOf(late.file)}\n`,
    );
  });

  test('that nobody has ends the agent with 2, in words', async () => {
    await using server = await listening(createServer((_request, reply) => reply.writeHead(404).end()));
    const url = `http://127.0.0.1:${server.port}/nobody.keys`;
    const agent = await launchAgent(world, { args: ['--allow-insecure-keys-url', '--allow', url] });
    expect((await agent.process.exited).code).toBe(2);
    expect(agent.process.stderr).toBe(`agent: ${url}: the server answered 404; check the URL\n`);
  });
});

describe.concurrent('a key', () => {
  test.each(KEY_TYPES)('of type %s in a file opens the job, and is logged', async (type) => {
    const key = await makeKey(world, type);
    const { agent, way } = await openJob(world, { key });
    expect(await way.ssh([way.host, 'echo in'])).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
    expect((await agent.process.exited).code).toBe(0);
    expect(agent.process.stdout).toContain(`with key ${await fingerprintOf(key.file)} (${type} key)\n`);
  });

  test('from a URL opens the job, with another from a file', async () => {
    const keys = [await makeKey(world), await makeKey(world, 'ecdsa')] as const;
    const text = await readFile(`${keys[0].file}.pub`, 'utf8');
    await using server = await listening(createServer((_request, reply) => reply.end(text)));
    const args = [`http://127.0.0.1:${server.port}/dana.keys`, `${keys[1].file}.pub`];
    const agent = await startAgent(world, {
      args: ['--allow-insecure-keys-url', ...args.flatMap((source) => ['--authorized-keys', source])],
      held: true,
    });
    expect(agent.process.stdout).toContain('Enter with your SSH key: 2 keys are accepted, no password.\n');
    for (const key of keys) {
      const way = await openWay(world, agent, key);
      expect((await way.ssh([way.host, 'echo in'])).stdout).toBe('in\n');
    }
  });

  test('that is not authorized is refused without a question for a password, and is logged', async () => {
    const [key, other] = [await makeKey(world), await makeKey(world)];
    const agent = await startAgent(world, { args: ['--authorized-keys', `${key.file}.pub`] });
    const way = await openWay(world, agent, other);
    const { code, stdout, stderr } = await way.ssh([way.host, 'echo in']);
    expect({ code, stdout, stderr }).toEqual({
      code: 255,
      stdout: '',
      stderr: `${way.host}: Permission denied (publickey).\r\n`,
    });
    const fingerprint = await fingerprintOf(other.file);
    await agent.process.see(/refused abc from 127\.0\.0\.1: none of the offered keys is authorized/);
    expect(agent.process.stdout).toContain(fingerprint);
    expect(agent.process.isRunning).toBe(true);
  });
});

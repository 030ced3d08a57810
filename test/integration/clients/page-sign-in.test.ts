// Signing in as pages do, at hosts that others wrote: certificates at OpenSSH, questions and passwords at ssh2, all of ours.
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SignIn, SignInOutcome } from '../../../services/clients/browser/ssh/sign-in/sign-in-ways.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { listening } from '../../support/network/ports.ts';
import { createEchoHost, type EchoHostOptions } from '../../support/page-client/echo-host.ts';
import { keyFromFile, makeWebKey } from '../../support/page-client/page-key.ts';
import { proveHost } from '../../support/page-client/page-session.ts';
import { lineOver } from '../../support/page-client/tcp-line.ts';
import { makeKeyFile } from '../../support/ssh/key-file.ts';
import { startSshHost } from '../../support/ssh/ssh-host.ts';
import { certify } from '../../support/ssh/ssh-keygen.ts';
import { makeKeyFolder, startSshd } from '../../support/ssh/sshd.ts';

const stack = new AsyncDisposableStack();
let folder: string;

beforeAll(async () => {
  await ensureCommands(['ssh-keygen', 'sshd', 'sftp-server']);
  folder = await makeKeyFolder(stack);
});
afterAll(() => stack.disposeAsync());

async function signInAt(port: number, user: string, signIn: SignIn): Promise<SignInOutcome> {
  const session = await proveHost(lineOver(connect({ port, host: '127.0.0.1' })), { user, signIn });
  const outcome = await session.signIn();
  session.transport.close('the test is over');
  return outcome;
}

async function ssh2Port(options: EchoHostOptions): Promise<number> {
  const host = createEchoHost(options);
  const server = stack.use(await listening(createServer((socket) => host.serve(socket))));
  return server.port;
}

test('a certificate is taken by OpenSSH, and the bare key of it is not', async () => {
  const user = userInfo().username;
  await makeKeyFile(path.join(folder, 'ca'));
  await makeKeyFile(path.join(folder, 'person'));
  await certify(path.join(folder, 'ca'), path.join(folder, 'person'), ['-I', 'test', '-n', user]);
  const sshd = await startSshd(stack, folder, [`TrustedUserCAKeys ${folder}/ca.pub`]);
  const bare = keyFromFile(path.join(folder, 'person'));
  const certified = keyFromFile(path.join(folder, 'person'), path.join(folder, 'person-cert.pub'));
  expect(await signInAt(sshd.port, user, { keys: [bare] })).toMatchObject({ kind: 'not_in', wasTried: true });
  expect(await signInAt(sshd.port, user, { keys: [bare, certified] })).toEqual({ kind: 'in' });
});

test('a key of WebCrypto that nobody can take out is taken by OpenSSH', async () => {
  const key = await makeWebKey();
  const own = path.join(folder, 'web-keys');
  await writeFile(own, `${key.line}\n`);
  // The first value of an option counts for sshd; the folder's own names another file.
  const other = await makeKeyFolder(stack);
  await writeFile(path.join(other, 'key.pub'), `${key.line}\n`);
  const sshd = await startSshd(stack, other);
  expect(await signInAt(sshd.port, userInfo().username, { keys: [key] })).toEqual({ kind: 'in' });
});

test('a person who does not want to sign is asked no more, and is not let in', async () => {
  const sshd = await startSshd(stack, await makeKeyFolder(stack));
  const { publicKey } = keyFromFile(path.join(folder, 'key'));
  const outcome = await signInAt(sshd.port, userInfo().username, {
    keys: [{ publicKey, sign: async () => undefined }],
  });
  expect(outcome.kind).toBe('not_in');
});

test('questions are asked as the host asks them, and a wrong answer may be followed by a right one', async () => {
  const port = await ssh2Port({ keyboardInteractive: (answers) => answers.join('+') === '42+secret' });
  const asked: string[] = [];
  const outcome = await signInAt(port, 'abc', {
    answers: async ({ prompts }, attempt) => {
      asked.push(...prompts.map(({ text, echo }) => `${text.rawTextToParse()}${echo}`));
      return attempt === 1 ? ['41', 'secret'] : ['42', 'secret'];
    },
  });
  expect(outcome).toEqual({ kind: 'in' });
  expect(asked).toEqual(['Code: true', 'Secret: false', 'Code: true', 'Secret: false']);
});

test('a password: wrong, then right, at ssh2 and at the agent', async () => {
  const agent = await startSshHost({ password: 'open sesame' });
  stack.defer(() => agent.stop());
  for (const port of [await ssh2Port({ password: 'open sesame' }), agent.port]) {
    const password = async (attempt: number): Promise<string> => (attempt === 1 ? 'wrong' : 'open sesame');
    expect(await signInAt(port, 'abc', { password })).toEqual({ kind: 'in' });
  }
});

test('one learns what a host takes before anything is shown to it', async () => {
  const agent = await startSshHost();
  stack.defer(() => agent.stop());
  expect(await signInAt(agent.port, 'abc', {})).toMatchObject({
    kind: 'not_in',
    ways: ['publickey'],
    wasTried: false,
  });
});

// The attacker runs a relay that asks who comes, and wants the terminal, the time or the secrets of whoever runs wsproxy.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { MAX_PROOFS_PER_DIAL } from '#shared/identity/proving-dial.ts';
import { IDENTITY_HEADER, SIGNATURE_NAMESPACE, signedText } from '#shared/protocol/identity.ts';
import { parseIdentity } from '#shared/protocol/presented-identity.ts';
import { MAX_SIGN_ON_BODY_BYTES } from '#shared/protocol/sign-on.ts';
import { readPublicKey } from '#shared/ssh/public-key.ts';
import { USUAL_DEMANDS, verifySshSignature } from '#shared/ssh/signature.ts';
import { sshsigBytes } from '#shared/ssh/sshsig.ts';
import { openClientProgram } from '../support/clients/test-program.ts';
import { makePrivateAuthority } from '../support/network/private-authority.ts';
import { deviceSignOn, SignOnDesk } from '../support/relay/sign-on-desk.ts';
import type { StandInRelay } from '../support/relay/stand-in-relay.ts';
import { openStandIn } from '../support/relay/test-stand-in.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';
import { startSshAgent } from '../support/ssh/ssh-agent.ts';
import { readPublicBlob, sshAdd } from '../support/ssh/ssh-keygen.ts';
import { commandsIn, forbiddenIn, HOSTILE_TEXT, HOSTILE_WORD } from '../support/text/hostile-text.ts';
import { until } from '../support/time/poll.ts';

let home: string;
let desk: SignOnDesk;
/** What was shown to the relay. */
let shown: string[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lying-sign-on-'));
  desk = new SignOnDesk();
  shown = [];
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

/** Asks for a proof, whatever it gets. */
function openLiar(
  kinds: readonly ('sso' | 'key' | 'token')[],
  request: RequestListener = desk.serve,
): Promise<StandInRelay> {
  return openStandIn({
    request,
    gate: {
      kinds,
      judge({ [IDENTITY_HEADER]: header }) {
        if (header !== undefined) shown.push(header.toString());
        return 'identity_required';
      },
    },
  });
}

/** Runs wsproxy to its end, and judges that what it says is text. */
async function linesAt(relay: StandInRelay, args: readonly string[] = [], env = {}): Promise<string[]> {
  const program = openClientProgram('wsproxy', [...args, relay.url()], { HOME: home, ...env });
  let output = '';
  program.child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  expect(await program.exit).toBe(4);
  expect(output).toBe('');
  expect(forbiddenIn(program.errors())).toEqual([]);
  expect(commandsIn(program.errors())).toEqual([]);
  for (const line of program.errors().trimEnd().split('\n')) expect(line).toMatch(/^wsproxy: .{1,2500}$/);
  return program.errors().trimEnd().split('\n');
}

test.each([
  ['control characters in the code', { userCode: HOSTILE_WORD }],
  ['a text in place of a code', { userCode: HOSTILE_TEXT }],
  ['control characters in the page', { verificationUri: `https://login.example/${HOSTILE_WORD}` }],
  ['commands of CI systems in the page', { verificationUri: `https://login.example/ ${HOSTILE_TEXT}` }],
  ['a page that is none', { verificationUri: 'javascript:alert(1)' }],
  ['a page without TLS', { verificationUri: 'http://login.example/device' }],
  ['a handle of another kind', { handle: { toString: 'h' } }],
  ['times of no meaning', { expiresSeconds: -1 }],
])('%s: the sign-on is not begun, and nothing of it is printed', async (_, changes) => {
  desk.device = { ...deviceSignOn(), ...changes };
  const lines = await linesAt(await openLiar(['sso']));
  expect(lines).toEqual([expect.stringMatching(/gave an answer about the sign-on that cannot be read/)]);
});

test('what a page of printable characters holds for CI systems is shown as text', async () => {
  desk.device = { ...deviceSignOn(), verificationUri: 'https://login.example/##[error]::error::x' };
  desk.refusals = { token: 'sso_refused' };
  const [first] = await linesAt(await openLiar(['sso']));
  expect(first).toContain('open https://login.example/#');
});

test.each([
  [
    'a huge answer',
    (listener: Parameters<RequestListener>[1]) => listener.end('x'.repeat(MAX_SIGN_ON_BODY_BYTES + 1)),
  ],
  [
    'an answer without end',
    (listener: Parameters<RequestListener>[1]) => {
      const timer = setInterval(() => listener.write(Buffer.alloc(8_192, 'x')), 1);
      listener.on('close', () => clearInterval(timer));
    },
  ],
])('%s is not read to its end', async (_, answer) => {
  const lines = await linesAt(await openLiar(['sso'], (_request, response) => answer(response)));
  expect(lines).toEqual([
    expect.stringMatching(new RegExp(`an answer of more than ${MAX_SIGN_ON_BODY_BYTES} bytes`)),
  ]);
});

test('an answer that breaks off, and one that redirects, are none', async () => {
  const broken = await openLiar(['sso'], (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000 });
    response.write('{');
    setImmediate(() => response.destroy());
  });
  const program = openClientProgram('wsproxy', ['--wait', '0', broken.url()], { HOME: home });
  expect(await program.exit).toBe(4);
  expect(program.errors()).toMatch(/the connection broke before an answer\n$/);
  const asked: (string | undefined)[] = [];
  const redirecting = await openLiar(['sso'], (request, response) => {
    asked.push(request.url);
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  expect(await linesAt(redirecting)).toEqual([expect.stringMatching(/answered 307, but not as a relay/)]);
  expect(asked).toEqual(['/sign-on/device']);
});

test('a relay that says nothing about the sign-on does not hold up whoever gives up', async () => {
  const relay = await openLiar(['sso'], () => undefined);
  const program = openClientProgram('wsproxy', [relay.url()], { HOME: home });
  await until('the sign-on is asked for', () => relay.asked.length === 1);
  program.child.kill('SIGINT');
  expect(await program.exit).toBe(0);
});

test('a relay that asks again whatever it gets sends the person to sign on once, and is left', async () => {
  const relay = await openLiar(['sso']);
  const lines = await linesAt(relay);
  expect(lines.filter((line) => line.includes('asks you to sign on'))).toHaveLength(1);
  expect(shown.length).toBeLessThanOrEqual(MAX_PROOFS_PER_DIAL);
  expect(relay.asked.length).toBeLessThanOrEqual(MAX_PROOFS_PER_DIAL + 2);
});

test('a relay that asks for keys sees six of those in an ssh-agent at most', async () => {
  await using sshAgent = await startSshAgent(join(home, 'agent'));
  for (let n = 0; n < 10; n++) {
    await makeKeyFile(join(home, `key-${n}`));
    await sshAdd(sshAgent.socketPath, [join(home, `key-${n}`)]);
  }
  const relay = await openStandIn({
    gate: {
      kinds: ['key'],
      judge({ [IDENTITY_HEADER]: header }) {
        if (header !== undefined) shown.push(header.toString());
        return header === undefined ? 'identity_required' : 'key_unknown';
      },
    },
  });
  await linesAt(relay, [], { SSH_AUTH_SOCK: sshAgent.socketPath });
  expect(shown).toHaveLength(MAX_PROOFS_PER_DIAL);
});

test('a relay that names another audience gets a signature for itself', async () => {
  const key = join(home, 'key');
  await makeKeyFile(key);
  const relay = await openStandIn({
    answer: () => undefined,
    gate: {
      kinds: ['key'],
      demand: { audience: 'https://bank.example', role: 'agent', id: 'other', claimHash: 'x' },
      judge({ [IDENTITY_HEADER]: header }) {
        if (header !== undefined) shown.push(header.toString());
        return header === undefined ? 'identity_required' : undefined;
      },
    },
  });
  const program = openClientProgram('wsproxy', ['--identity', key, relay.url()], { HOME: home });
  onTestFinished(() => void program.child.kill('SIGKILL'));
  await until('a proof was shown', () => shown.length > 0);
  const proof = parseIdentity(shown[0] ?? '');
  const publicKey = readPublicKey(await readPublicBlob(`${key}.pub`));
  if (proof?.kind !== 'key' || publicKey === undefined) throw new Error('no proof by the key');
  const facts = { role: 'client', id: 'job-1', claimHash: '', challenge: 'challenge' } as const;
  const isFor = (audience: string): boolean => {
    const bytes = sshsigBytes(signedText({ ...facts, audience }), SIGNATURE_NAMESPACE);
    return verifySshSignature(publicKey, bytes, proof.signature, USUAL_DEMANDS);
  };
  expect(isFor(`http://127.0.0.1:${relay.port}`)).toBe(true);
  expect(isFor('https://bank.example')).toBe(false);
});

test('a relay without TLS on another machine gets nothing to read', async () => {
  // A name of this machine that is not known to be one.
  const relay = await openLiar(['token', 'sso', 'key']);
  const program = openClientProgram(
    'wsproxy',
    [`ws://[::ffff:127.0.0.1]:${relay.port}${relay.prefix}/client/job-1`],
    {
      HOME: home,
      CONVERGE_TOKEN: 'secret',
    },
  );
  expect(await program.exit).toBe(4);
  expect(program.errors()).toMatch(/use wss:\/\/ in place of ws:\/\/\n$/);
  expect(shown).toEqual([]);
  expect(desk.asked).toEqual([]);
});

test('a relay whose certificate nobody knows is not asked, whatever the machine was told of such', async () => {
  const authority = await makePrivateAuthority(home, 'IP:127.0.0.1');
  const relay = await openStandIn({
    tls: authority,
    request: desk.serve,
    gate: { kinds: ['sso'], judge: () => 'identity_required' },
  });
  const program = openClientProgram('wsproxy', ['--wait', '0', relay.url()], {
    HOME: home,
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
  });
  expect(await program.exit).toBe(4);
  expect(program.errors()).toContain('its certificate is not by an authority that this machine knows');
  expect(desk.asked).toEqual([]);
});

test('tokens that are too long or of no form are not kept', async () => {
  const relay = await openLiar(['sso'], (request, response) => {
    const isDevice = request.url === '/sign-on/device';
    const token = `a\r\nx-injected: y${'z'.repeat(100)}`;
    response.end(JSON.stringify(isDevice ? deviceSignOn() : { token, refresh: 'r', expiresAt: 1e15 }));
  });
  expect((await linesAt(relay)).at(-1)).toMatch(/cannot be read/);
  expect(shown).toEqual([]);
  expect(await readdir(join(home, '.local', 'state', 'converge'))).toEqual([]);
});

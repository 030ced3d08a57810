// The attacker runs the relay that a job was pointed at, and wants a proof of the job's identity that is worth something elsewhere:
// a token or a signature for another audience, more tokens than one, or any of them sent where others can read it.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { CLAIM_HEADER, hashClaim } from '#shared/protocol/claim.ts';
import {
  IDENTITY_HEADER,
  PASS_HEADER,
  SIGNATURE_NAMESPACE,
  type SignedFacts,
  signedText,
} from '#shared/protocol/identity.ts';
import { parseIdentity } from '#shared/protocol/presented-identity.ts';
import { readPublicKey } from '#shared/ssh/public-key.ts';
import { verifySshSignature } from '#shared/ssh/signature.ts';
import { sshsigBytes } from '#shared/ssh/sshsig.ts';
import { startConnectProxy } from '../support/network/connect-proxy.ts';
import { makePrivateAuthority } from '../support/network/private-authority.ts';
import { AGENT_PROGRAM, type AgentProcess, startAgentProcess } from '../support/process/agent-program.ts';
import { httpAnswer, startLyingRelay, type Upgrade } from '../support/relay/lying-relay.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';
import { idTokenFor } from '../support/text/id-token.ts';

const WANTED = 'https://bank.example';

let folder: string;
/** Headers of the dials that came to the lying relay. */
let dials: http.IncomingHttpHeaders[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lying-relay-identity-'));
  dials = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A relay that answers each dial with the next of `bodies`, and goes on with the last. */
async function liar(...bodies: readonly object[]): Promise<string> {
  const relay = await startLyingRelay(({ headers, say }: Upgrade) => {
    const body = bodies[Math.min(dials.length, bodies.length - 1)];
    dials.push(headers);
    say(httpAnswer('401 No', JSON.stringify({ message: `make it for ${WANTED}`, ...body })));
  });
  onTestFinished(() => relay[Symbol.asyncDispose]());
  return relay.url;
}

/** Asks for everything, in every way that somebody could think of. */
function demand(challenge = 'challenge'): object {
  const kinds = ['oidc', 'token', 'key', 'certificate', 'sso'];
  const identity = { kinds, challenge, audience: WANTED, aud: WANTED, publicUrl: WANTED };
  return { code: 'identity_required', identity, audience: WANTED, publicUrl: WANTED };
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): AgentProcess {
  const agent = startAgentProcess(AGENT_PROGRAM, args, { cwd: folder, env });
  onTestFinished(async () => {
    agent.child.kill('SIGKILL');
    await agent.ended;
  });
  return agent;
}

/** GitHub's server for tokens: it gives one for whatever audience it is asked. */
async function tokenServer(): Promise<{
  env: Readonly<Record<string, string>>;
  audiences: (string | null)[];
}> {
  const audiences: (string | null)[] = [];
  const server = http.createServer((request, response) => {
    const audience = new URL(request.url ?? '', 'http://x').searchParams.get('audience');
    audiences.push(audience);
    response.end(JSON.stringify({ value: idTokenFor(audience) }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?api-version=2`;
  const variables = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret' };
  return { env: { GITHUB_ACTIONS: 'true', ...variables }, audiences };
}

const proofs = () => dials.map((headers) => headers[IDENTITY_HEADER]);

test('who asks for a token of another audience gets one of its own', async () => {
  const url = await liar(demand());
  const { env, audiences } = await tokenServer();
  const agent = start([`${url}/agent/job`], env);
  expect(await agent.ended).toBe(4);
  const own = url.replace('ws', 'http');
  expect(audiences).toEqual([own]);
  expect(proofs()).toEqual([undefined, `oidc ${idTokenFor(own)}`]);
});

test('who asks for a signature for another audience gets one of its own, good for nothing else', async () => {
  const keyFile = join(folder, 'id');
  await makeKeyFile(keyFile);
  const url = await liar(demand('challenge-of-the-bank'));
  const agent = start(['--identity-key', keyFile, `${url}/agent/job`]);
  expect(await agent.ended).toBe(4);
  const presented = parseIdentity(String(proofs()[1]));
  if (presented?.kind !== 'key') throw new Error('no key was shown');
  const key = readPublicKey(presented.blob);
  if (key === undefined) throw new Error('no key');
  const claimHash = hashClaim(String(dials[0]?.[CLAIM_HEADER]));
  const own = { role: 'agent', id: 'job', claimHash, challenge: 'challenge-of-the-bank' } as const;
  const isFor = (facts: SignedFacts): boolean =>
    verifySshSignature(key, sshsigBytes(signedText(facts), SIGNATURE_NAMESPACE), presented.signature);
  expect(isFor({ ...own, audience: url.replace('ws', 'http') })).toBe(true);
  expect(isFor({ ...own, audience: WANTED })).toBe(false);
  expect(isFor({ ...own, audience: url.replace('ws', 'http'), role: 'client' })).toBe(false);
});

test('a challenge that would be a line of its own is none', async () => {
  const keyFile = join(folder, 'id');
  await makeKeyFile(keyFile);
  const url = await liar(demand('a\nb'), demand('x'.repeat(2_000)));
  const agent = start(['--identity-key', keyFile, `${url}/agent/job`]);
  expect(await agent.ended).toBe(4);
  expect(proofs()).toEqual([undefined]);
});

test('a token that was made for somebody else is not shown', async () => {
  const url = await liar(demand());
  const agent = start([`${url}/agent/job`], { CONVERGE_ID_TOKEN: idTokenFor(WANTED) });
  expect(await agent.ended).toBe(4);
  expect(proofs()).toEqual([undefined]);
  expect(agent.output()).toContain(`is for ${WANTED} (its aud), and not for ${url.replace('ws', 'http')}`);
});

test('who never has enough is dialled three times, and gets one token', async () => {
  const stale = { ...demand('newer'), code: 'challenge_stale' };
  const url = await liar(demand(), stale, stale);
  const { env, audiences } = await tokenServer();
  expect(await start([`${url}/agent/job`], env).ended).toBe(4);
  expect(dials).toHaveLength(3);
  expect(audiences).toHaveLength(1);
});

test('a redirect is not followed, with a proof or without one', async () => {
  let visits = 0;
  const elsewhere = await startLyingRelay(({ say }) => {
    visits += 1;
    say(httpAnswer('401 No', JSON.stringify(demand())));
  });
  onTestFinished(() => elsewhere[Symbol.asyncDispose]());
  const location = `Location: ${elsewhere.url.replace('ws', 'http')}/agent/job`;
  for (const redirected of [0, 1]) {
    dials = [];
    const relay = await startLyingRelay(({ headers, say }) => {
      dials.push(headers);
      const isRedirect = dials.length > redirected;
      if (isRedirect) say(`HTTP/1.1 307 Temporary Redirect\r\n${location}\r\nContent-Length: 0\r\n\r\n`);
      else say(httpAnswer('401 No', JSON.stringify(demand())));
    });
    onTestFinished(() => relay[Symbol.asyncDispose]());
    const agent = start([`${relay.url}/agent/job`], { CONVERGE_TOKEN: 'secret' });
    await expect.poll(() => agent.output(), { timeout: 20_000 }).toContain('answered 307');
    agent.child.kill('SIGKILL');
    await agent.ended;
    expect(proofs().filter((proof) => proof !== undefined)).toEqual(redirected === 0 ? [] : ['token secret']);
  }
  expect(visits).toBe(0);
});

test('no proof goes where others can read it: over a plain proxy, also to this machine', async () => {
  const url = await liar(demand());
  const { host } = new URL(url);
  const proxy = await startConnectProxy();
  onTestFinished(() => proxy.close());
  const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, CONVERGE_TOKEN: 'secret' };
  const agent = start([`ws://${host}/agent/job`], env);
  expect(await agent.ended).toBe(4);
  expect(dials).toHaveLength(1);
  expect(proofs()).toEqual([undefined]);
  expect(agent.output()).toContain('use wss:// in place of ws://');
});

test('no proof goes to a relay whose certificate is not good, whatever the job was told', async () => {
  const { key, cert } = await makePrivateAuthority(folder, 'DNS:localhost,IP:127.0.0.1');
  const server = https.createServer({ key, cert });
  server.on('upgrade', ({ headers }, socket) => {
    dials.push(headers);
    socket.on('error', () => undefined);
    socket.end(httpAnswer('401 No', JSON.stringify({ message: 'no', ...demand() })));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}/agent/job`;
  const env = { CONVERGE_TOKEN: 'secret', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const agent = start([url], env);
  await expect.poll(() => agent.output(), { timeout: 20_000 }).toContain('NODE_EXTRA_CA_CERTS');
  expect(dials.length).toBeGreaterThan(0);
  expect(proofs().filter((proof) => proof !== undefined)).toEqual([]);
});

test('a pass that is a header of its own is not sent back', async () => {
  const passes: unknown[] = [];
  const relay = await startLyingRelay(({ headers, accept }) => {
    passes.push(headers[PASS_HEADER]);
    const link = accept('converge.agent.v1');
    const welcome = { type: 'welcome', id: 'job', epoch: 1, pod: 'p', publicUrl: 'https://r.test' };
    link.send(JSON.stringify({ ...welcome, pass: `x\r\nconverge-identity: token y` }));
    if (passes.length < 3) link.close(1012, 'restart');
  });
  onTestFinished(() => relay[Symbol.asyncDispose]());
  start([`${relay.url}/agent/job`]);
  await expect.poll(() => passes.length, { timeout: 20_000 }).toBe(3);
  expect(passes).toEqual([undefined, undefined, undefined]);
});

// The policy: sessions and agents set up per second on a relay that asks who comes, against one that is open, in turns.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { formatIdentity, IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { answerDials, openSession, rateOf } from './set-ups.ts';

const QUICK_TIMES = 300;
const FULL_TIMES = 2_000;

const ISSUER = 'https://ci.bench.test';
const AUDIENCE = 'https://relay.bench.test';

/** A policy whose rules have every limit, and the header of an agent that it admits. */
async function writePolicy(folder: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
  const token = await new SignJWT({ organization: 'bench', run: '1' })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  const limits = {
    agents: 1_000_000,
    lifetime: '6h',
    sessions: 1_000,
    'bytes-per-second': '1GiB',
    'total-bytes': '1TiB',
  };
  const policy = {
    audience: AUDIENCE,
    issuers: { bench: { url: ISSUER, jwks: { keys: [jwk] } } },
    agents: [
      {
        name: 'bench',
        issuer: 'bench',
        match: { organization: 'bench' },
        ids: ['{organization}', '{organization}.*'],
        limits,
      },
    ],
    clients: [{ name: 'loopback', networks: ['127.0.0.0/8', '::1/128'] }],
  };
  const file = join(folder, 'policy.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(policy));
  return { file, headers: { [IDENTITY_HEADER]: formatIdentity({ kind: 'oidc', token }) } };
}

export async function measurePolicy({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'converge-bench-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const { file, headers } = await writePolicy(folder);
  const open = stack.use(await startPod('bench-open'));
  const asking = stack.use(await startPod('bench-asking', undefined, { POLICY_FILE: file }));
  stack.use(await answerDials(open.port));
  stack.use(await answerDials(asking.port, headers));
  let links = 0;
  const link = async (port: number, proof: Readonly<Record<string, string>>): Promise<void> => {
    links += 1;
    const { socket } = await openAgent(port, `bench.${links}`, { headers: proof });
    socket.close(1000, 'ended');
    await once(socket, 'close');
  };
  const times = isFull ? FULL_TIMES : QUICK_TIMES;
  say(`${rounds} rounds of ${times} sessions and as many agents, with a policy and without`);
  for (let round = -1; round < rounds; round += 1) {
    const openSessions = await rateOf(times, () => openSession(open.port));
    const askedSessions = await rateOf(times, () => openSession(asking.port));
    const openLinks = await rateOf(times, () => link(open.port, {}));
    const askedLinks = await rateOf(times, () => link(asking.port, headers));
    // The first round warms up.
    if (round < 0) continue;
    figures.add('policy.sessions', '1/s', askedSessions);
    figures.add('policy.sessions.ratio', 'ratio', askedSessions / openSessions);
    figures.add('policy.links', '1/s', askedLinks);
    figures.add('policy.links.ratio', 'ratio', askedLinks / openLinks);
  }
}

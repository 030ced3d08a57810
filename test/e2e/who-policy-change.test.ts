// The policy changes under a hundred live sessions: all go on to the byte, whoever is new comes by the new rules, and a bad version changes nothing.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { countingCommand, joinCrowd, type Member } from '../support/chaos/crowd.ts';
import { openPolicyRelay, type PolicyRelay } from '../support/entry/policy-relay.ts';
import { type MadeToken, makeToken } from '../support/entry/relay-command.ts';
import { type E2eAgent, launchAgent, startAgent } from '../support/laptop/job.ts';
import { type Laptop, makeKey, openLaptop } from '../support/laptop/laptop.ts';
import { type KeySecret } from '../support/laptop/open-job.ts';
import { binary, useWorld } from '../support/laptop/world.ts';

const SESSIONS = 100;
/** Sessions that are set up at the same time. */
const ARRIVALS = 10;
const EXIT_CODE = 7;

const world = useWorld();
let old: MadeToken;
let next: MadeToken;
let relay: PolicyRelay;
let agent: E2eAgent;
let key: KeySecret;
let laptop: Laptop;

/** Agents and clients come by one token each. */
function policyOf(rule: string, token: MadeToken): string {
  const tokens = token.lines.map((line) => `      ${line}`).join('\n');
  return `agents:\n  - name: ${rule}\n    ids: job*\n    tokens:\n${tokens}\nclients:\n  - name: ${rule}\n    tokens:\n${tokens}\n`;
}

beforeAll(async () => {
  old = await makeToken(world, 'old');
  next = await makeToken(world, 'next');
  relay = await openPolicyRelay(world, () => policyOf('before', old));
  key = await makeKey(world);
  const args = ['--authorized-keys', `${key.file}.pub`];
  agent = await startAgent(world, {
    relay: relay.url,
    id: 'job1',
    args,
    held: true,
    env: { CONVERGE_TOKEN: old.secret },
  });
  laptop = await openLaptop(world);
});

/** A port that leads to the job. */
async function openTcptows(token: MadeToken): Promise<number> {
  const url = `${relay.url}/client/${agent.id}#${agent.card.fingerprint}`;
  const tcptows = laptop.start([binary('tcptows'), '0', url], { env: { CONVERGE_TOKEN: token.secret } });
  const [, port = ''] = await tcptows.see(/^listening on 127\.0\.0\.1:(\d+)/m);
  return Number(port);
}

/** One run of wsproxy by whoever has the token: the first that it says, of the agent or of itself. */
async function knock(token: MadeToken): Promise<string> {
  const url = `${relay.url}/client/${agent.id}#${agent.card.fingerprint}`;
  const client = laptop.start([binary('wsproxy'), url], { env: { CONVERGE_TOKEN: token.secret } });
  const [said] = await client.see(/^SSH-2\.0-|^wsproxy: .*\n/);
  client.kill('SIGTERM');
  await client.exited;
  return said;
}

test(`a policy that would let in none of them changes nothing for ${SESSIONS} sessions, and all for who is new`, async () => {
  const port = await openTcptows(old);
  const command = countingCommand(EXIT_CODE);
  const crowd: Member[] = [];
  const arrivals = Array.from({ length: ARRIVALS }, async () => {
    for (let n = 0; n < SESSIONS / ARRIVALS; n += 1)
      crowd.push(await joinCrowd({ port, keyFile: key.file, command }));
  });
  await Promise.all(arrivals);
  expect(await knock(old)).toBe('SSH-2.0-');
  expect(await relay.relay.metric('converge_sessions')).toBeGreaterThanOrEqual(SESSIONS);

  await relay.change(policyOf('after', next));
  await Promise.all(crowd.map((member) => member.next()));

  const { host } = new URL(relay.url);
  expect(await knock(old)).toBe(`wsproxy: ${host} refused: no rule has this token (token_unknown)\n`);
  expect(await knock(next)).toBe('SSH-2.0-');
  const stranger = await launchAgent(world, {
    relay: relay.url,
    id: 'job2',
    env: { CONVERGE_TOKEN: old.secret },
  });
  expect(await stranger.process.exited).toEqual({ code: 4, signal: null });
  expect(stranger.process.stderr).toBe(`agent: ${host} refused: no rule has this token (token_unknown)\n`);
  await startAgent(world, { relay: relay.url, id: 'job3', env: { CONVERGE_TOKEN: next.secret } });

  await Promise.all(crowd.map((member) => member.next()));
  await writeFile(join(agent.job, 'stop'), '');
  expect(await Promise.all(crowd.map(({ exit }) => exit))).toEqual(crowd.map(() => EXIT_CODE));
  expect(crowd).toHaveLength(SESSIONS);
  for (const { numbers } of crowd) expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  // None of them was cut and came back: nobody noticed.
  expect(agent.process.stdout).not.toMatch(/resumed|given up|broken off|was refused/);
});

test('a version with faults keeps the one before, and says so in the log and in the metrics', async () => {
  const good = await readFile(relay.file, 'utf8');
  await relay.change('agents: []\nagnts: x\nclients:\n  - { name: all, networks: [0.0.0.0/0] }\n');
  expect(await knock(next)).toBe('SSH-2.0-');
  expect(await relay.relay.metric('converge_policy_stale')).toBe(1);
  const sha256 = createHash('sha256').update(good).digest('hex');
  expect(await relay.relay.metric(`converge_policy_info{sha256="${sha256}"}`)).toBe(1);
  const line = relay.relay.process.stdout.split('\n').find((text) => text.includes('policy not reloaded'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    level: 50,
    msg: 'policy not reloaded: the one before stays',
    inForce: sha256,
    faults: [
      expect.stringMatching(/policy\.yaml:2: .*"agnts"/) as unknown,
      expect.stringMatching(/policy\.yaml:4: .*"0\.0\.0\.0\/0" is everybody/) as unknown,
    ],
  });
  await relay.change(policyOf('before', old));
  expect(await relay.relay.metric('converge_policy_stale')).toBe(0);
  expect(await knock(old)).toBe('SSH-2.0-');
});

test('a policy that admits nobody is a policy: a new agent reads so, and the one that is there stays', async () => {
  await relay.change('agents: []\n');
  const { host } = new URL(relay.url);
  for (const env of [{}, { CONVERGE_TOKEN: old.secret }]) {
    const stranger = await launchAgent(world, { relay: relay.url, id: 'job4', env });
    expect(await stranger.process.exited).toEqual({ code: 4, signal: null });
    expect(stranger.process.stderr).toBe(
      `agent: ${host} refused: the policy of this relay admits nobody (not_admitted)\n`,
    );
  }
  expect(agent.process.isRunning).toBe(true);
  expect(await knock(next)).toBe('SSH-2.0-');
});

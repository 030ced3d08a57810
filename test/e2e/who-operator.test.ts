// The operator's page over built pods and a real Redis: who is in by which rule, and a block that all pods know, which people read in words.
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMortalRelay, type MortalRelay } from '../support/chaos/mortal-relay.ts';
import { askOperator } from '../support/entry/policy-relay.ts';
import { type MadeToken, makeToken } from '../support/entry/relay-command.ts';
import { launchAgent, readCard } from '../support/laptop/job.ts';
import { type OpenJob, openJob } from '../support/laptop/open-job.ts';
import { binary, useWorld } from '../support/laptop/world.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts';
import { until } from '../support/time/poll.ts';

/** For somebody to look at. */
const PICTURES = join(tmpdir(), 'converge-who');
const POD_NAMES = ['pod-1', 'pod-2', 'pod-3'] as const;

const world = useWorld();
let browser: Browser;
let redis: RedisServer;
let pods: readonly MortalRelay[];
let token: MadeToken;
let other: MadeToken;
let job: OpenJob;

beforeAll(async () => {
  await mkdir(PICTURES, { recursive: true });
  browser = await launchBrowser();
  redis = await startRedis();
  token = await makeToken(world, 'jenkins-2026');
  other = await makeToken(world, 'nightly-2026');
  const file = join(await world.makeFolder('policy'), 'policy.yaml');
  const rule = (name: string, { lines }: MadeToken): string =>
    `  - name: ${name}\n    ids: ${name}.*\n    tokens:\n${lines.map((line) => `      ${line}\n`).join('')}`;
  await writeFile(file, `agents:\n${rule('jenkins', token)}${rule('nightly', other)}`);
  const env = {
    REDIS_URL: redis.url,
    CLUSTER_SECRET: randomBytes(32).toString('base64url'),
    POLICY_FILE: file,
  };
  const created: MortalRelay[] = [];
  for (const POD_ID of POD_NAMES) created.push(await createMortalRelay(world, { ...env, POD_ID }));
  pods = created;
  await Promise.all(pods.map((pod) => pod.start()));
  job = await openJob(world, {
    relay: urlOf(podAt(0)),
    id: 'jenkins.app.1',
    env: { CONVERGE_TOKEN: token.secret },
    held: true,
  });
});
afterAll(async () => {
  await browser.close();
  await redis[Symbol.asyncDispose]();
});

function podAt(index: number): MortalRelay {
  const pod = pods[index];
  if (pod === undefined) throw new Error(`there is no pod ${index}`);
  return pod;
}

function urlOf({ port }: MortalRelay): string {
  return `ws://127.0.0.1:${port}`;
}

async function openPage(pod: MortalRelay, query: string): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const page = await context.newPage();
  await page.goto(`http://localhost:${pod.internalPort}/operator${query}`);
  return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() });
}

async function block(page: Page, target: string, why: string): Promise<void> {
  await page.locator('#by').fill('Grace');
  await page.getByLabel('Address, range or rule').fill(target);
  await page.getByLabel('Why').fill(why);
  await page.getByRole('button', { name: 'Block', exact: true }).click();
  const words = target.replace(/^rule:/, 'The rule ');
  await page.getByText(`${words} is blocked for 1 hour.`).waitFor();
}

/** All pods but the first, on which it was made, hear of it by themselves. */
async function knownEverywhere(targets: readonly string[]): Promise<void> {
  for (const pod of pods)
    await until(`a pod knows ${targets.join() || 'no block'}`, async () => {
      const { blocks } = await askOperator(pod, 'blocks');
      return JSON.stringify(blocks.map(({ target }) => target)) === JSON.stringify(targets);
    });
}

test('the page shows by which rule and as whom an agent is in, and its session', async () => {
  const session = job.way.startSsh([job.way.host, 'echo in; cat']);
  await session.see(/^in$/m);
  await using page = await openPage(podAt(0), '');
  const row = page.locator('#live tbody tr');
  expect(await row.locator('td').first().textContent()).toBe('jenkins.app.1');
  // The page is loaded anew by itself, until the agent has told of its client.
  await row.locator('td', { hasText: /^1$/ }).waitFor();
  expect((await row.locator('td').allTextContents()).slice(1, 5)).toEqual([
    'jenkins',
    'jenkins-2026',
    '127.0.0.1',
    '1',
  ]);
  // The agent was asked who it is before it showed its token: nobody was refused.
  const { totals } = await askOperator(podAt(0));
  expect(totals.refusals).toBe(0);
  await page.screenshot({ path: join(PICTURES, 'agents.png'), fullPage: true });
  await page.goto(`http://localhost:${podAt(0).internalPort}/operator?view=sessions`);
  expect(await page.locator('#live tbody td.name').textContent()).toBe('jenkins.app.1');
  await page.screenshot({ path: join(PICTURES, 'sessions.png'), fullPage: true });
  session.child.stdin?.end();
  expect(await session.exited).toEqual({ code: 0, signal: null });
});

test('a rule that is blocked on one pod is blocked on three: its agents read so and wait, those of others come in', async () => {
  const live = job.way.startSsh([job.way.host, 'echo in; cat']);
  await live.see(/^in$/m);
  await using page = await openPage(podAt(0), '');
  await page.locator('#live summary').click();
  await page.getByRole('link', { name: 'Block rule:jenkins …' }).click();
  expect(await page.getByLabel('Address, range or rule').inputValue()).toBe('rule:jenkins');
  await block(page, 'rule:jenkins', 'its token is in a public log');
  await page.screenshot({ path: join(PICTURES, 'blocks.png'), fullPage: true });
  await knownEverywhere(['rule:jenkins']);

  const relay = urlOf(podAt(2));
  const refused = await launchAgent(world, {
    relay,
    id: 'jenkins.app.2',
    env: { CONVERGE_TOKEN: token.secret },
  });
  await refused.process.see(
    /whoever runs this relay has blocked the rule jenkins until \d{4}-\d\d-\d\dT\S+Z: ask them \(blocked\)/,
  );
  const free = await launchAgent(world, { relay, id: 'nightly.1', env: { CONVERGE_TOKEN: other.secret } });
  await readCard(free.process);
  live.child.stdin?.write('still\n');
  await live.see(/^still$/m);
  expect(refused.process.stdout).not.toContain('open for SSH');

  await page.getByRole('button', { name: 'Unblock rule:jenkins' }).click();
  await page.getByText('Nothing is blocked').waitFor();
  await knownEverywhere([]);
  // It was told to wait: whoever is let in again need not be started again.
  await readCard(refused.process);
  live.child.stdin?.end();
  expect(await live.exited).toEqual({ code: 0, signal: null });
});

test('an address that is blocked on one pod gets in nowhere, and reads until when', async () => {
  await using page = await openPage(podAt(1), '?view=blocks');
  await block(page, '127.0.0.1', '');
  await knownEverywhere(['127.0.0.1']);
  for (const pod of pods) {
    const url = `${urlOf(pod)}/client/jenkins.app.1#${job.agent.card.fingerprint}`;
    const client = job.way.laptop.start([binary('wsproxy'), url]);
    expect(await client.exited).toEqual({ code: 4, signal: null });
    expect(client.stderr).toMatch(
      /^wsproxy: 127\.0\.0\.1:\d+ refused: whoever runs this relay has blocked this address until \d{4}-\S+Z: ask them \(blocked\)\n$/,
    );
  }
  await page.goto(`http://localhost:${podAt(1).internalPort}/operator?view=refusals`);
  await page.getByRole('cell', { name: 'blocked' }).waitFor();
  await page.screenshot({ path: join(PICTURES, 'refusals.png'), fullPage: true });
  await page.goto(`http://localhost:${podAt(1).internalPort}/operator?view=blocks&by=Grace`);
  await page.getByRole('button', { name: 'Unblock 127.0.0.1' }).click();
  await page.getByText('Nothing is blocked').waitFor();
  await knownEverywhere([]);
  expect((await job.way.ssh([job.way.host, 'echo in'])).stdout).toBe('in\n');
});

// The terminal page while relays die and networks are silent: sessions and transfers go on where they were.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openJobPage } from '../support/browser/job-page.ts';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { startAgent } from '../support/laptop/job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { startBlackHole } from '../support/network/black-hole.ts';
import { until } from '../support/time/poll.ts';

const MIB = 200;
const KILLS = 5;
const LINES = 100_000;
/** How long the network is silent: longer than what a balancer or a phone cuts after. */
const SILENT_MS = 60_000;

const world = useWorld();
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test(`${MIB} MiB up and down arrive to the byte while the relay is killed`, async () => {
  const relay = await createMortalRelay(world);
  await relay.start();
  const agent = await startAgent(world, { relay: `ws://localhost:${relay.port}`, held: true });
  const opened = await openJobPage(browser, agent.card.terminal ?? '', { acceptDownloads: true });
  onTestFinished(() => opened.context.close());
  const { page } = opened;
  await opened.signIn(agent.card.password ?? '');
  await opened.enter('marker=still-here');
  const content = randomBytes(MIB * 1_048_576);
  const local = join(await world.makeFolder('local'), 'large.bin');
  await writeFile(local, content);
  const restart = async (): Promise<void> => {
    await relay.end('SIGKILL');
    await relay.start();
  };
  const size = async (): Promise<number> =>
    (await stat(join(agent.job, 'large.bin')).catch(() => undefined))?.size ?? 0;

  await page.getByRole('button', { name: 'Files', exact: true }).click();
  await page.getByLabel('Files to upload').setInputFiles(local);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const due = (content.length * kill) / (KILLS + 1);
    await until(`${due} bytes are up`, async () => (await size()) >= due, 120_000);
    await restart();
  }
  await page.getByText('uploaded', { exact: true }).waitFor({ timeout: 120_000 });
  expect(sha256(await readFile(join(agent.job, 'large.bin')))).toBe(sha256(content));

  // More than a little goes into a file that the browser lets the page write: here one of its own, and no dialog.
  await page.evaluate(`window.showSaveFilePicker = async ({ suggestedName }) =>
    (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true })`);
  await page.getByRole('button', { name: 'Download large.bin' }).click();
  const moved = page.locator('.transfers li', { hasText: 'large.bin' }).last().locator('progress');
  const value = async (): Promise<number> => Number((await moved.getAttribute('value')) ?? '0');
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const due = (content.length * kill) / (KILLS + 1);
    await until(`${due} bytes are down`, async () => (await value()) >= due, 120_000);
    await restart();
  }
  await page.getByText('downloaded', { exact: true }).waitFor({ timeout: 120_000 });
  const hash = `(async () => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle('large.bin');
    const bytes = await (await handle.getFile()).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  })()`;
  expect(await page.evaluate(hash)).toBe(sha256(content));
  await page.getByRole('button', { name: 'Close the files' }).click();
  expect(await opened.enter('echo $marker', /\nstill-here\n\$$/)).toContain('still-here');
});

test('a folder is up to the byte though the relay is killed, and a text is saved whole', async () => {
  const relay = await createMortalRelay(world);
  await relay.start();
  const agent = await startAgent(world, { relay: `ws://localhost:${relay.port}`, held: true });
  await writeFile(join(agent.job, 'note.txt'), 'old\n');
  const opened = await openJobPage(browser, agent.card.terminal ?? '');
  onTestFinished(() => opened.context.close());
  const { page } = opened;
  await opened.signIn(agent.card.password ?? '');
  const tree = join(await world.makeFolder('local'), 'tree');
  const files = 120;
  for (let at = 0; at < files; at += 1) {
    const folder = join(tree, `part-${at % 7}`, 'below');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `file-${at}`), randomBytes(1_000_003));
  }
  await page.getByRole('button', { name: 'Files', exact: true }).click();
  await page.getByLabel('Folder to upload').setInputFiles(tree);
  const count = async (): Promise<number> =>
    (await readdir(join(agent.job, 'tree'), { recursive: true }).catch(() => [])).length;
  for (let kill = 1; kill <= 3; kill += 1) {
    const due = (files * kill) / 4;
    await until(`${due} files are there`, async () => (await count()) >= due, 120_000);
    await relay.end('SIGKILL');
    await relay.start();
  }
  await page
    .getByText(`uploaded ${files} files in 15 folders`, { exact: true })
    .waitFor({ timeout: 120_000 });
  const { stdout } = await promisify(execFile)('diff', ['-r', tree, join(agent.job, 'tree')]);
  expect(stdout).toBe('');

  await page.getByRole('button', { name: 'note.txt', exact: true }).click();
  await page.getByLabel('Text of note.txt').fill('new\n');
  await relay.end('SIGKILL');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  expect(await readFile(join(agent.job, 'note.txt'), 'utf8')).toBe('old\n');
  await relay.start();
  await page.getByRole('dialog').getByText('Saved note.txt.').waitFor({ timeout: 60_000 });
  expect(await readFile(join(agent.job, 'note.txt'), 'utf8')).toBe('new\n');
  expect((await readdir(agent.job)).filter((name) => name.startsWith('.converge-'))).toEqual([]);
});

test(`a silent network is said calmly, what was typed meanwhile arrives, and ${LINES} lines lose no byte`, async () => {
  await using hole = await startBlackHole(Number(new URL(world.relay.url).port));
  const agent = await startAgent(world, { held: true });
  const link = (agent.card.terminal ?? '').replace(/localhost:\d+/, `localhost:${hole.port}`);
  const opened = await openJobPage(browser, link);
  onTestFinished(() => opened.context.close());
  const { page } = opened;
  await opened.signIn(agent.card.password ?? '');

  hole.swallow();
  await page.keyboard.type('echo typed-in-silence');
  await page.keyboard.press('Enter');
  await page.evaluate(`dispatchEvent(new Event('online'))`);
  await page.getByText(/^reconnecting, \d+ s$/).waitFor();
  expect(await page.locator('dialog').count()).toBe(0);
  await page.waitForTimeout(SILENT_MS);
  hole.heal();
  await opened.see(/\ntyped-in-silence\n\$$/);
  await page.getByText('connected', { exact: true }).waitFor();

  // Two runs that differ in the number of lines alone: so do the bytes.
  const before: number[] = [await opened.received()];
  for (const count of [1_000, LINES]) {
    await opened.enter(`clear; seq -f line-%09.0f ${count}; echo end-$((1))`, /end-1\n\$$/);
    before.push(await opened.received());
  }
  const [start = 0, few = 0, many = 0] = before;
  // The echo of the command is as much longer as the number in it.
  const digits = String(LINES).length - String(1_000).length;
  expect(many - few - (few - start)).toBe((LINES - 1_000) * 'line-000000000\r\n'.length + digits);
});

test('a session that the job has given up is said to be over, and another is opened from there', async () => {
  const relay = await createMortalRelay(world);
  await relay.start();
  const around = { relay: `ws://localhost:${relay.port}`, args: ['--resume-window', '1s'], held: true };
  const agent = await startAgent(world, around);
  const opened = await openJobPage(browser, agent.card.terminal ?? '');
  onTestFinished(() => opened.context.close());
  const { page } = opened;
  await opened.signIn(agent.card.password ?? '');
  await opened.enter('echo of-the-first-session');
  await relay.end('SIGKILL');
  await agent.process.see(/given up: its client did not come back/);
  await relay.start();
  await page.getByText(/^The session (has ended|was cut): .+/).waitFor({ timeout: 60_000 });
  // What was printed can still be read.
  expect(await opened.screen()).toContain('of-the-first-session');
  await page.getByRole('button', { name: 'Open again' }).click();
  await opened.signIn(agent.card.password ?? '');
  expect(await opened.enter('echo $((6 * 7))')).toContain('\n42\n');
});

// The terminal page takes folders, dropped and picked, and saves texts: in a real browser, compared in the job.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DIST } from '../../deploy/build/source-tree.ts';
import { type JobPage, openJobPage } from '../support/browser/job-page.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { until } from '../support/time/poll.ts';

const run = promisify(execFile);

const SEEN_WITHIN = { timeout: 30_000, interval: 50 };

const world = useWorld();
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

interface OpenPanel {
  readonly agent: E2eAgent;
  readonly opened: JobPage;
}

/** A job whose files are shown; `prepare` fills its folder first. */
async function openPanel(
  prepare: (job: string) => Promise<unknown> = async () => undefined,
): Promise<OpenPanel> {
  const agent = await startAgent(world);
  await prepare(agent.job);
  const opened = await openJobPage(browser, agent.card.terminal ?? '');
  onTestFinished(() => opened.context.close());
  await opened.signIn(agent.card.password ?? '');
  await opened.page.getByRole('button', { name: 'Files', exact: true }).click();
  await opened.page.locator('.folder .name').first().waitFor();
  return { agent, opened };
}

/** As a file manager does it: the browser is told of the drag, and reads the disk itself. */
async function drop({ page, context }: JobPage, ...files: readonly string[]): Promise<void> {
  const box = await page.locator('.folder').boundingBox();
  if (box === null) throw new Error('the files are not shown');
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const devtools = await context.newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await devtools.send('Input.dispatchDragEvent', {
      type,
      ...at,
      data: { items: [], files: [...files], dragOperationsMask: 1 },
    });
}

/** A tree of this machine, with all that a tree may have. */
async function makeTree(name: string): Promise<string> {
  const folder = join(await world.makeFolder('brought'), name);
  const deep = join(folder, 'src', 'deep', 'deeper');
  await mkdir(deep, { recursive: true });
  await mkdir(join(folder, 'empty', 'emptier'), { recursive: true });
  await writeFile(join(folder, 'large.bin'), randomBytes(5_000_001));
  await writeFile(join(deep, 'ünï ✓ $(id) "quoted".bin'), randomBytes(70_000));
  await writeFile(join(deep, '.hidden'), 'hidden\n');
  await writeFile(join(folder, 'nothing'), '');
  await mkdir(join(folder, 'many'));
  // More than a browser hands over at once.
  for (let count = 0; count < 230; count += 1)
    await writeFile(join(folder, 'many', `file-${count}`), `${count}\n`.repeat(count));
  return folder;
}

async function expectSame(one: string, other: string): Promise<void> {
  const { stdout } = await run('diff', ['-r', one, other]).catch(({ stdout: said }: { stdout: string }) => ({
    stdout: said,
  }));
  expect(stdout).toBe('');
}

describe('a folder that is dropped onto the files', () => {
  test('is in the job afterwards, to the byte, with its empty folders, beside a file that was dropped with it', async () => {
    const { agent, opened } = await openPanel();
    const tree = await makeTree('tree');
    const single = join(tree, '..', 'single.txt');
    await writeFile(single, 'single\n');
    await drop(opened, tree, single);
    await opened.page.getByText('uploaded 234 files in 7 folders', { exact: true }).waitFor();
    await opened.page.getByText('uploaded', { exact: true }).waitFor();
    await expectSame(tree, join(agent.job, 'tree'));
    expect(await readdir(join(agent.job, 'tree', 'empty', 'emptier'))).toEqual([]);
    expect(await readFile(join(agent.job, 'single.txt'), 'utf8')).toBe('single\n');
    await opened.page.getByRole('button', { name: 'tree', exact: true }).waitFor();
    expect(await opened.violations()).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });

  test('goes into one of its name only if the person says so, and follows no link out of it', async () => {
    const { agent, opened } = await openPanel(async (job) => {
      await mkdir(join(job, 'outside'));
      await mkdir(join(job, 'tree'));
      await writeFile(join(job, 'tree', 'stays'), 'stays');
      await writeFile(join(job, 'tree', 'nothing'), 'something');
      await symlink('../outside', join(job, 'tree', 'many'));
    });
    const tree = await makeTree('tree');
    const dialog = opened.page.getByRole('dialog', { name: 'Upload into tree?' });
    await drop(opened, tree);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(await readdir(join(agent.job, 'tree'))).toHaveLength(3);
    await drop(opened, tree);
    await dialog.getByRole('button', { name: 'Upload into it' }).click();
    // Of a folder that leads away nothing is written, and the others go on.
    await opened.page
      .getByText(/^given up after 20 files one after the other: many\/file-\d+: a link is there/)
      .waitFor();
    expect(await readdir(join(agent.job, 'outside'))).toEqual([]);
    expect(await readFile(join(agent.job, 'tree', 'stays'), 'utf8')).toBe('stays');
  });

  test('is cancelled in the middle, and the panel works on', async () => {
    const { agent, opened } = await openPanel();
    const tree = join(await world.makeFolder('brought'), 'big');
    await mkdir(tree);
    const count = 40;
    // With holes: so large that nobody is done with it before it is cancelled.
    for (let at = 0; at < count; at += 1) {
      await writeFile(join(tree, `f${at}`), '');
      await truncate(join(tree, `f${at}`), 60_000_000);
    }
    await drop(opened, tree);
    const row = opened.page.locator('.transfers li', { hasText: 'big' });
    await expect
      .poll(() => row.locator('.said').textContent(), SEEN_WITHIN)
      .toMatch(/^\d.* of 2\.4 GB, [1-9]\d? of 40 files$/);
    await row.getByRole('button', { name: 'Cancel or remove big' }).click();
    await row.waitFor({ state: 'detached' });
    const there = (await readdir(join(agent.job, 'big'))).length;
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(count);
    // The list is read again at the same time, and a row that is replaced takes no click.
    const folder = opened.page.getByRole('button', { name: 'big', exact: true });
    // A browser hands them over in no order.
    const file = opened.page.getByRole('button', { name: /^f\d+$/ }).first();
    await until('its files are shown', async () => {
      if (await folder.isVisible()) await folder.click();
      return await file.isVisible();
    });
    expect(await readdir(join(agent.job, 'big'))).toHaveLength(there);
  });
});

test('a folder that is picked is in the job afterwards', async () => {
  const { agent, opened } = await openPanel();
  const tree = await makeTree('picked');
  const choosing = opened.page.waitForEvent('filechooser');
  await opened.page.getByRole('button', { name: 'Upload a folder' }).click();
  await (await choosing).setFiles(tree);
  await opened.page.getByText('uploaded 234 files in 5 folders', { exact: true }).waitFor();
  // A browser hands over no empty folders here.
  await mkdir(join(agent.job, 'picked', 'empty', 'emptier'), { recursive: true });
  await expectSame(tree, join(agent.job, 'picked'));
  expect(await opened.violations()).toEqual([]);
});

describe('a text that is saved', () => {
  test('takes the place of the file, keeps its permissions and the link to it, and leaves nothing beside', async () => {
    const { agent, opened } = await openPanel(async (job) => {
      await mkdir(join(job, 'conf'));
      await writeFile(join(job, 'conf', 'real.sh'), 'old\n', { mode: 0o750 });
      await symlink('conf/real.sh', join(job, 'run.sh'));
    });
    const { page } = opened;
    const before = await stat(join(agent.job, 'run.sh'));
    await page.getByRole('button', { name: 'run.sh', exact: true }).click();
    await page.getByLabel('Text of run.sh').fill('new\n');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('dialog').getByText('Saved run.sh.').waitFor();
    const after = await stat(join(agent.job, 'run.sh'));
    expect(await readFile(join(agent.job, 'conf', 'real.sh'), 'utf8')).toBe('new\n');
    expect([after.mode, after.uid, after.ino === before.ino]).toEqual([before.mode, before.uid, false]);
    expect((await lstat(join(agent.job, 'run.sh'))).isSymbolicLink()).toBe(true);
    expect(await readlink(join(agent.job, 'run.sh'))).toBe('conf/real.sh');
    expect(await readdir(join(agent.job, 'conf'))).toEqual(['real.sh']);
  });

  test('is not written over what somebody else wrote meanwhile, unless the person says so', async () => {
    const { agent, opened } = await openPanel((job) => writeFile(join(job, 'note.txt'), 'old\n'));
    const { page } = opened;
    const file = join(agent.job, 'note.txt');
    const { atime, mtime } = await stat(file);
    await page.getByRole('button', { name: 'note.txt', exact: true }).click();
    await page.getByLabel('Text of note.txt').fill('mine\n');
    await writeFile(file, 'odd\n');
    // As long as before, and of the same time.
    await utimes(file, atime, mtime);
    const question = page.getByRole('dialog', { name: 'The file has changed in the job' });
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await question.getByRole('button', { name: 'Cancel' }).click();
    expect(await readFile(file, 'utf8')).toBe('odd\n');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await question.getByRole('button', { name: 'Write mine over it' }).click();
    await page.getByRole('dialog').getByText('Saved note.txt.').waitFor();
    expect(await readFile(file, 'utf8')).toBe('mine\n');
    expect((await readdir(agent.job)).filter((name) => name.startsWith('.converge-'))).toEqual([]);
  });
});

test('a text that is not saved is thrown away only by who says so: not by Close, by Escape however often, or by leaving the page', async () => {
  const { agent, opened } = await openPanel((job) => writeFile(join(job, 'note.txt'), 'old\n'));
  const { page } = opened;
  const note = page.getByRole('button', { name: 'note.txt', exact: true });
  const text = page.getByLabel('Text of note.txt');
  const editor = page.getByRole('dialog', { name: 'note.txt', exact: true });
  const question = page.getByRole('dialog', { name: 'Close without saving?' });
  await note.click();
  await text.fill('mine\n');
  await editor.getByRole('button', { name: 'Close', exact: true }).click();
  await question.getByRole('button', { name: 'Go on editing' }).click();
  // After a few, Chromium would ask the page no more.
  for (let time = 0; time < 8; time += 1) {
    await page.keyboard.press('Escape');
    await question.waitFor();
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
  }
  const asked = page.waitForEvent('dialog');
  await page.close({ runBeforeUnload: true });
  const leaving = await asked;
  expect(leaving.type()).toBe('beforeunload');
  await leaving.dismiss();
  expect(await text.inputValue()).toBe('mine\n');

  await text.press('Control+S');
  await editor.getByText('Saved note.txt.').waitFor();
  await page.keyboard.press('Escape');
  await editor.waitFor({ state: 'detached' });
  expect(await readFile(join(agent.job, 'note.txt'), 'utf8')).toBe('mine\n');

  await note.click();
  await text.fill('other\n');
  await page.keyboard.press('Escape');
  await question.getByRole('button', { name: 'Throw it away' }).click();
  await editor.waitFor({ state: 'detached' });
  expect(await readFile(join(agent.job, 'note.txt'), 'utf8')).toBe('mine\n');
  // Nothing is left to lose: whoever leaves is not asked.
  const closed = page.waitForEvent('close');
  await page.close({ runBeforeUnload: true });
  await closed;
});

describe('the address of the page', () => {
  test.each(['%26secret=hush-hush', '&secret=hush-hush&user=-rf', 'x&secret=hush-hush'])(
    'keeps no secret of a link that was damaged: %s',
    async (damage) => {
      const agent = await startAgent(world);
      const opened = await openJobPage(browser, `${agent.card.terminal ?? ''}${damage}`);
      onTestFinished(() => opened.context.close());
      await opened.page.getByText(/^the link is damaged/).waitFor();
      expect(opened.page.url()).not.toContain('hush');
      expect(new URL(opened.page.url()).hash).toBe('');
    },
  );
});

test('a page that lies elsewhere, and is shown within another one, opens nothing', async () => {
  const agent = await startAgent(world);
  const file = await readFile(join(DIST, 'bin/converge-terminal.html'));
  // A host that forbids no frames.
  const site = createServer((request, response) => {
    const isFrame = request.url?.startsWith('/frame') === true;
    response.setHeader('content-type', 'text/html; charset=utf-8').end(isFrame ? FRAME : file);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void site.close());
  await new Promise((resolve) => site.once('listening', resolve));
  const [, url = ''] = /"(ws:\S+)"/.exec(agent.card.shell) ?? [];
  const opened = await openJobPage(
    browser,
    `http://127.0.0.1:${(site.address() as AddressInfo).port}/frame#${url}`,
  );
  onTestFinished(() => opened.context.close());
  const frame = opened.page.frameLocator('iframe');
  await frame.getByRole('heading', { name: 'Not within another page' }).waitFor();
  expect(await frame.locator('input').count()).toBe(0);
  expect(opened.requested.filter((address) => address.startsWith('ws'))).toEqual([]);
  // The same page by itself asks for the password, as far as the relay lets it.
  await opened.page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/page#${url}`);
  await opened.page.getByText('it takes none from this page').waitFor();
});

/** Hands its own fragment on. */
const FRAME = `<!doctype html><iframe></iframe><script>
document.querySelector('iframe').src = '/page' + location.hash;
</script>`;

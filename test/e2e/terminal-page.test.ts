// The terminal page in a real browser: from the link in the job log to a prompt, and what people do there.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type JobPage, openJobPage } from '../support/browser/job-page.ts';
import { type E2eAgent, type JobOptions, startAgent } from '../support/laptop/job.ts';
import { openWay } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { launchBrowser } from '../support/machine/browser.ts';

const run = promisify(execFile);

const world = useWorld();
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

interface PageJob {
  readonly agent: E2eAgent;
  readonly opened: JobPage;
}

function linkOf({ card, process }: E2eAgent): string {
  if (card.terminal === undefined) throw new Error(`no link in the card:\n${process.stdout}`);
  return card.terminal;
}

/** A job whose page is open and signed in. */
async function openPage(
  options: JobOptions = {},
  context: Parameters<typeof openJobPage>[2] = {},
): Promise<PageJob> {
  const agent = await startAgent(world, options);
  const opened = await openJobPage(browser, linkOf(agent), context);
  onTestFinished(() => opened.context.close());
  await opened.signIn(agent.card.password ?? '');
  return { agent, opened };
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe('from the link to a prompt', () => {
  test('asks for the password, says when it is wrong, and is in; the browser asks nobody but the relay', async () => {
    const agent = await startAgent(world);
    const opened = await openJobPage(browser, linkOf(agent));
    onTestFinished(() => opened.context.close());
    const { page } = opened;
    await page.getByLabel('Password of abc').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('That was not the password').waitFor();
    await opened.signIn(agent.card.password ?? '');
    expect(await opened.enter('echo $((6 * 7)) $TERM')).toContain('\n42 xterm-256color\n');
    expect(await opened.enter(`printf '\\033[38;2;1;2;3mtrue\\033[0m colour\\n'`)).toContain(
      '\ntrue colour\n',
    );
    expect(await page.title()).toContain(agent.id);
    const hosts = opened.requested
      .filter((url) => !/^(?:data|blob):/.test(url))
      .map((url) => new URL(url).host);
    expect(new Set(hosts)).toEqual(new Set([new URL(world.relay.url).host]));
    expect(opened.requested.join('\n')).not.toContain(agent.card.password ?? '');
    expect(opened.requested.join('\n')).not.toContain('SHA256');
    expect(await opened.violations()).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });

  test('says so when another key answers than the link names, and sends nothing but the key exchange', async () => {
    const agent = await startAgent(world);
    const link = linkOf(agent).replace(/SHA256:./, (start) => `SHA256:${start.endsWith('A') ? 'B' : 'A'}`);
    const opened = await openJobPage(browser, link);
    onTestFinished(() => opened.context.close());
    await opened.page.getByRole('heading', { name: 'This is not the job' }).waitFor();
    expect(await opened.page.getByRole('alert').textContent()).toContain(agent.card.fingerprint);
    expect(await opened.page.locator('input').count()).toBe(0);
    expect(agent.process.stdout).not.toMatch(/logged in|refused abc/);
  });

  test('without a key in the link, it asks whether this is the one of the log', async () => {
    const agent = await startAgent(world);
    const opened = await openJobPage(browser, linkOf(agent).replace(/#.*/, ''));
    onTestFinished(() => opened.context.close());
    await opened.page.getByText(agent.card.fingerprint).waitFor();
    await opened.page.getByRole('button', { name: 'It is the same' }).click();
    await opened.signIn(agent.card.password ?? '');
  });

  test('a job that is not there, and a link that was cut, are said', async () => {
    const opened = await openJobPage(browser, `${world.relay.url}/terminal/none#SHA256:${'A'.repeat(42)}`);
    onTestFinished(() => opened.context.close());
    await opened.page.getByText('the link is damaged').waitFor();
    await opened.page
      .getByLabel('Its address')
      .fill(`${world.relay.wsUrl}/client/none#SHA256:${'A'.repeat(43)}`);
    await opened.page.keyboard.press('Enter');
    await opened.page.getByText(/no job `none`|no agent none/).waitFor();
  });

  test('with keys alone, it makes its own, which somebody in the job lets in', async () => {
    const { agent, way } = await openJob(world, { held: true });
    const opened = await openJobPage(browser, linkOf(agent), {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    onTestFinished(() => opened.context.close());
    await opened.page.getByRole('heading', { name: 'The job takes keys' }).waitFor();
    await opened.page.getByRole('button', { name: 'Copy the command' }).click();
    await expect
      .poll(() => opened.page.evaluate('navigator.clipboard.readText()'))
      .toMatch(/^converge allow 'ssh-ed25519 /);
    const command = await opened.page.evaluate<string>('navigator.clipboard.readText()');
    expect(await way.ssh([way.host, command])).toMatchObject({ code: 0 });
    await opened.page.getByRole('button', { name: 'Try again' }).click();
    await opened.prompted();
    await agent.process.see(/was let in by somebody in a session: converge-page/);
    // The key is still there after a reload, and nothing is asked.
    await opened.page.reload();
    await opened.prompted();
  });
});

describe('a link that lets in', () => {
  test('does so once; then it is a wrong password, and the password still counts', async () => {
    const agent = await startAgent(world, { args: ['--link'], held: true });
    expect(agent.process.stdout).toContain('(this link lets in once, within 10 minutes');
    const first = await openJobPage(browser, linkOf(agent));
    onTestFinished(() => first.context.close());
    await first.prompted();
    expect(first.page.url()).not.toContain('secret');
    expect(first.requested.join('\n')).not.toContain('secret');
    const second = await openJobPage(browser, linkOf(agent));
    onTestFinished(() => second.context.close());
    await second.page.getByText('That was not the password').waitFor();
    await agent.process.see(/wrong password/);
    await second.signIn(agent.card.password ?? '');
    expect(agent.process.stdout.match(/logged in/g)).toHaveLength(2);
  });

  test('is in no card that was not asked for it', async () => {
    expect((await startAgent(world)).process.stdout).not.toMatch(/secret=|lets in once/);
  });
});

test('a page whose second script does not come says so, and leaves the job', async () => {
  const agent = await startAgent(world, { args: ['--link'], held: true });
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  // The first is smaller, by far.
  await page.route('**/terminal/assets/*.js', async (route) => {
    const answer = await route.fetch();
    const isSecond = (await answer.text()).includes('convergeScreen=');
    await (isSecond
      ? route.fulfill({ response: answer, body: 'var convergeScreen={};' })
      : route.fulfill({ response: answer }));
  });
  await page.goto(linkOf(agent));
  await page.getByText('A part of this page is missing').waitFor();
  await agent.process.see(/left/);
});

describe('a terminal', () => {
  test('has the size of its window, also after that has changed', async () => {
    const { opened } = await openPage();
    const sizes: string[] = [];
    for (const viewport of [
      { width: 1_200, height: 800 },
      { width: 700, height: 400 },
    ]) {
      await opened.page.setViewportSize(viewport);
      // The shell hears of it at its next prompt.
      await opened.enter('');
      const screen = await opened.enter('clear; echo size: $(stty size)', /size: \d+ \d+\n\$$/);
      sizes.push(/size: (\d+ \d+)/.exec(screen)?.[1] ?? '');
    }
    const [[rows = 0, columns = 0] = [], [fewerRows = 0, fewerColumns = 0] = []] = sizes.map((size) =>
      size.split(' ').map(Number),
    );
    expect(rows).toBeGreaterThan(fewerRows);
    expect(columns).toBeGreaterThan(fewerColumns);
    expect(fewerColumns).toBeGreaterThan(20);
  });

  test('stands beside others over one connection, and beside an ssh', async () => {
    const { agent, opened } = await openPage({ args: ['--max-lifetime', '1h'] });
    const way = await openWay(world, agent, { kind: 'password', text: agent.card.password ?? '' });
    await opened.enter('echo first > who; tty');
    await opened.page.getByRole('button', { name: 'New terminal' }).click();
    await opened.prompted();
    expect(await opened.enter('cat who')).toContain('\nfirst\n');
    expect(await opened.enter('converge status')).toContain('clients  1 logged in');
    await opened.page.getByRole('tab').first().click();
    await opened.see(/echo first > who/);
    await opened.page.getByRole('tab').first().press('ArrowRight');
    await opened.see(/clients {2}1 logged in/);
    await opened.page.keyboard.press('Delete');
    await expect.poll(() => opened.page.getByRole('tab').count()).toBe(1);
    expect(agent.process.stdout.match(/logged in/g)).toHaveLength(1);

    // One that comes, talks and goes does nothing to the others.
    const beside = way.laptop.start(way.command('ssh', way.host, 'echo beside; cat > from-ssh'));
    await beside.see(/beside/);
    expect(await opened.enter('clear; converge status')).toContain('clients  2 logged in');
    beside.child.stdin?.end('said by ssh');
    expect((await beside.exited).code).toBe(0);
    expect(await opened.enter('clear; cat from-ssh; echo')).toContain('said by ssh');
    expect(agent.process.stdout.match(/logged in/g)).toHaveLength(2);
  });

  test('takes a paste of 50 KB whole, and copies what is selected', async () => {
    const { agent, opened } = await openPage({}, { permissions: ['clipboard-read', 'clipboard-write'] });
    const { page } = opened;
    const text = randomBytes(25_600).toString('hex').replaceAll(/.{64}/g, '$&\n');
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await opened.enter('stty -echo; echo ready; cat > pasted', /\nready$/);
    await page.keyboard.press('Shift+Insert');
    // Browsers fetch what is pasted; meanwhile keys would overtake it.
    const size = async () => (await readFile(join(agent.job, 'pasted'))).length;
    await expect.poll(size, { timeout: 30_000 }).toBe(text.length);
    await page.keyboard.press('Control+D');
    await page.keyboard.type('stty echo; sha256sum < pasted\n');
    const screen = await opened.see(/[0-9a-f]{64} {2}-\n\$$/);
    expect(screen).toContain(sha256(text));
    await opened.enter('clear; echo word-to-copy', /\nword-to-copy\n\$$|^word-to-copy\n\$$/);
    await opened.page
      .locator('.xterm-rows > div', { hasText: /^word-to-copy/ })
      .dblclick({ position: { x: 20, y: 5 }, force: true });
    await page.keyboard.press('Control+Shift+C');
    await expect.poll(() => page.evaluate('navigator.clipboard.readText()')).toBe('word-to-copy');
  });

  test('has on a phone the keys that its keyboard lacks, and on every keyboard a way out', async () => {
    const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
    const { opened } = await openPage({}, phone);
    const { page } = opened;
    await opened.enter('echo began; sleep 100', /\nbegan$/);
    await page.getByRole('button', { name: 'Ctrl' }).tap();
    await page.keyboard.type('c');
    await opened.see(/\^C\n\$$/);
    await page.getByRole('button', { name: 'Up', exact: true }).tap();
    await opened.see(/\$ echo began; sleep 100$/);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await page.getByRole('button', { name: 'Menu' }).tap();
    await page.getByText('Hold for 1 h').tap();
    const [said, keys] = await Promise.all([
      page.locator('.announcer.seen').boundingBox(),
      page.getByRole('toolbar').boundingBox(),
    ]);
    expect((said?.y ?? 0) + (said?.height ?? 0)).toBeLessThanOrEqual(keys?.y ?? 0);
    expect(said?.height).toBeGreaterThan(0);
    await page.locator('.shell').tap();
    await page.keyboard.press('Control+F6');
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Menu');
    for (const role of ['tablist', 'toolbar', 'tabpanel'] as const)
      expect(await page.getByRole(role).count(), role).toBe(1);
  });

  test('shows how long the job has, holds it, and says how it ended', async () => {
    const { agent, opened } = await openPage({ args: ['--timeout', '7m', '--max-lifetime', '5h'] });
    await opened.page.getByText(/^[67]:\d\d left$/).waitFor();
    await opened.page.getByRole('button', { name: 'Hold 1 h' }).click();
    await opened.page.getByText(/^held, (1 h 0 min|59:\d\d) left$/).waitFor();
    await opened.page.locator('.shell').click();
    await opened.page.keyboard.type('converge end\n');
    await opened.page.getByText('The job has ended: a client asked for it (converge end)').waitFor();
    await opened.page.getByRole('button', { name: 'Open again' }).waitFor();
    expect((await agent.process.exited).code).toBe(0);
  });
});

describe('files', () => {
  test('are uploaded and downloaded to the byte, changed, and shown without being run', async () => {
    const { agent, opened } = await openPage({}, { acceptDownloads: true });
    const { page } = opened;
    const content = randomBytes(3_000_000);
    await writeFile(join(agent.job, 'note.txt'), 'old\n');
    await page.getByRole('button', { name: 'Files', exact: true }).click();
    await page
      .getByLabel('Files to upload')
      .setInputFiles([{ name: 'up.bin', mimeType: 'x/y', buffer: content }]);
    await page.getByText('uploaded', { exact: true }).waitFor();
    expect(sha256(await readFile(join(agent.job, 'up.bin')))).toBe(sha256(content));

    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download up.bin' }).click();
    expect(sha256(await readFile(await (await downloading).path()))).toBe(sha256(content));

    await page.getByRole('button', { name: 'note.txt', exact: true }).click();
    const text = page.getByLabel('Text of note.txt');
    await expect.poll(() => text.inputValue()).toBe('old\n');
    await text.fill('new\n');
    await page.keyboard.press('Control+S');
    await expect.poll(() => readFile(join(agent.job, 'note.txt'), 'utf8')).toBe('new\n');
    // What is behind a dialog is neither seen nor read out.
    await page.getByRole('dialog').getByText('Saved note.txt.').waitFor();
    await page.getByRole('button', { name: 'Close', exact: true }).click();

    await page
      .getByLabel('Files to upload')
      .setInputFiles([{ name: 'up.bin', mimeType: 'x/y', buffer: Buffer.from('other') }]);
    await page.getByRole('heading', { name: 'Replace up.bin?' }).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(sha256(await readFile(join(agent.job, 'up.bin')))).toBe(sha256(content));
    expect(await opened.violations()).toEqual([]);
  });

  test('of a folder come as a tar that GNU tar unpacks to the same folder', async () => {
    const { agent, opened } = await openPage({}, { acceptDownloads: true });
    const { page } = opened;
    const long = `${'long-'.repeat(30)}name`;
    const folder = join(agent.job, 'tree');
    await mkdir(join(folder, 'deep', 'deeper', long), { recursive: true });
    await mkdir(join(folder, 'nothing in it'));
    await writeFile(join(folder, 'deep', 'ünï ✓.bin'), randomBytes(1_000_001));
    await writeFile(join(folder, 'deep', 'deeper', long, long), 'far below\n');
    await writeFile(join(folder, 'empty'), '');
    await writeFile(join(folder, 'block'), randomBytes(512));
    await writeFile(join(folder, 'run.sh'), '#!/bin/sh\n', { mode: 0o750 });
    await utimes(join(folder, 'block'), 1_000_000_000, 1_000_000_000);
    await page.evaluate(`window.showSaveFilePicker = async ({ suggestedName }) =>
      (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true })`);
    await page.getByRole('button', { name: 'Files', exact: true }).click();
    await page.getByRole('button', { name: 'Download tree' }).click();
    await page.getByText('downloaded 5 files', { exact: true }).waitFor();
    const base64 = await page.evaluate<string>(`(async () => {
      const handle = await (await navigator.storage.getDirectory()).getFileHandle('tree.tar');
      const reader = new FileReader();
      reader.readAsDataURL(await handle.getFile());
      await new Promise((resolve) => { reader.onload = resolve; });
      return reader.result.slice(reader.result.indexOf(',') + 1);
    })()`);
    const local = await world.makeFolder('unpacked');
    await writeFile(join(local, 'tree.tar'), Buffer.from(base64, 'base64'));
    await run('tar', ['-xpf', 'tree.tar'], { cwd: local });
    const { stdout } = await run('diff', ['-r', folder, join(local, 'tree')]);
    expect(stdout).toBe('');
    expect((await stat(join(local, 'tree', 'run.sh'))).mode & 0o777).toBe(0o750);
    expect((await stat(join(local, 'tree', 'block'))).mtimeMs).toBe(1_000_000_000_000);
    expect((await readdir(join(local, 'tree'))).toSorted()).toEqual((await readdir(folder)).toSorted());
  });
});

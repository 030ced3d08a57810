// The terminal page before a job that means harm: what it prints, what it calls its files, and a relay that touches what it carries.
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type JobPage, openJobPage } from '../support/browser/job-page.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { startTamperingProxy } from '../support/network/tampering-proxy.ts';

const world = useWorld();
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

interface Victim {
  readonly agent: E2eAgent;
  readonly opened: JobPage;
}

/** `prepare` fills the folder of the job first. */
async function openVictim(
  prepare: (job: string) => Promise<unknown> = async () => undefined,
): Promise<Victim> {
  const agent = await startAgent(world);
  await prepare(agent.job);
  const opened = await openJobPage(browser, agent.card.terminal ?? '', {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  onTestFinished(() => opened.context.close());
  await opened.signIn(agent.card.password ?? '');
  return { agent, opened };
}

/** What a script of the job would have left, and what the browser had to stop. */
async function expectUnharmed({
  page,
  violations,
}: {
  page: JobPage['page'];
  violations: string[];
}): Promise<void> {
  expect(await page.evaluate('window.harmed')).toBeUndefined();
  expect(violations).toEqual([]);
}

const clipboardOf = ({ page }: JobPage): Promise<unknown> => page.evaluate('navigator.clipboard.readText()');

/** As a browser hands over what another site has put on the clipboard. */
const pasteInto = ({ page }: JobPage, text: string): Promise<unknown> =>
  page.evaluate(`{
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', ${JSON.stringify(text)});
    const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
    document.querySelector('.shell:not([hidden]) textarea').dispatchEvent(paste);
  }`);

test('what another site has put on the clipboard runs nothing by being pasted', async () => {
  const { agent, opened } = await openVictim();
  await opened.enter('bind "set enable-bracketed-paste on"; clear', /^\$$/);
  await pasteInto(opened, 'echo fine\u001b[201~\necho > harmed\n: seen');
  await opened.see(/: seen$/);
  await opened.page.keyboard.press('Control+C');
  await opened.enter('clear; echo $((6 * 7))', /^42\n\$$/);
  await expect(stat(join(agent.job, 'harmed'))).rejects.toMatchObject({ code: 'ENOENT' });
});

describe('what a job prints', () => {
  test('a title is text, without what cannot be seen, and not longer than a title', async () => {
    const { opened } = await openVictim();
    const { page } = opened;
    await opened.enter(
      String.raw`printf '\033]0;<img src=x onerror="window.harmed=1">\342\200\256gnp.%0200d\007' 1`,
    );
    const tab = page.getByRole('tab');
    await expect.poll(() => tab.textContent()).toContain('<img src=x onerror="window.harmed=1">\\u{202e}gnp');
    expect((await tab.textContent())?.length).toBeLessThanOrEqual(60);
    expect(await tab.locator('img').count()).toBe(0);
    await expectUnharmed({ page, violations: await opened.violations() });
  });

  test('a link behind other words is shown first, and followed only to the web, by a page that cannot reach back', async () => {
    const { opened } = await openVictim();
    const { page, context } = opened;
    const link = (url: string, text: string): string =>
      String.raw`printf '\033]8;;${url}\033\\${text}\033]8;;\033\\\n'`;
    const hover = async (text: string) => {
      const row = page.locator('.xterm-rows > div', { hasText: new RegExp(`^${text}`) });
      await row.hover({ position: { x: 60, y: 5 }, force: true });
      await row.hover({ position: { x: 40, y: 5 }, force: true });
      return row;
    };
    const web = link(`${world.relay.url}/?evil`, 'https://bank.example');
    const program = link('javascript:window.harmed=1', 'press-me-now');
    await opened.enter(`clear; ${web}; ${program}`, /bank\.example\npress-me-now\n\$$/);
    await (await hover('press-me-now')).click({ position: { x: 40, y: 5 }, force: true });
    const row = await hover('https://bank');
    await page.locator('.xterm-cursor-pointer').waitFor();
    await row.click({ position: { x: 40, y: 5 }, force: true });
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await dialog.textContent()).toContain(`${world.relay.url}/?evil`);
    const opening = context.waitForEvent('page');
    await dialog.getByRole('button', { name: 'Open' }).click();
    const other = await opening;
    await other.waitForLoadState();
    expect(await other.evaluate('[window.opener, document.referrer]')).toEqual([null, '']);
    await expectUnharmed({ page, violations: await opened.violations() });
    expect(context.pages()).toHaveLength(2);
  });

  test('the clipboard is never read, and written only once the person has said so', async () => {
    const { opened } = await openVictim();
    const { page } = opened;
    await page.evaluate(`navigator.clipboard.writeText('mine')`);
    const write = (text: string): string =>
      String.raw`printf '\033]52;c;${Buffer.from(text).toString('base64')}\007'`;
    await opened.enter(`clear; ${write('rm -rf ~')}; ${write('again')}; echo done`, /done/);
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await dialog.textContent()).toContain('rm -rf ~');
    // One question, however often the job asks.
    expect(await page.locator('dialog').count()).toBe(1);
    await page.keyboard.press('Escape');
    expect(await clipboardOf(opened)).toBe('mine');
    await opened.enter(`clear; ${write('wanted')}; echo done`, /done/);
    await dialog.getByRole('button', { name: 'This time' }).click();
    await expect.poll(() => clipboardOf(opened)).toBe('wanted');
    // The answer to the question for it has nothing in it.
    const ask = String.raw`clear; stty raw -echo; printf '\033]52;c;?\007'; head -c 7 | od -An -c; stty sane`;
    expect(await opened.enter(ask, /;\s+\$$/)).toContain('033   ]   5   2   ;   c   ;');
    expect(await opened.screen()).not.toMatch(/d2FudGVk/);
    await expectUnharmed({ page, violations: await opened.violations() });
  });

  test('a program that wants the clipboard again and again is not asked about for ever', async () => {
    const { opened } = await openVictim();
    const { page } = opened;
    const offer = String.raw`printf '\033]52;c;bm8=\007'; clear; echo done`;
    for (let refused = 0; refused < 3; refused += 1) {
      await opened.enter(offer, /^done/);
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
    }
    await opened.enter(offer, /^done/);
    await page.getByText('this terminal does not ask any more').waitFor({ state: 'attached' });
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  test('bells, odd sequences and half a megabyte without a line end leave a page that still works', async () => {
    const { opened } = await openVictim();
    const { page } = opened;
    await opened.enter(
      String.raw`clear; printf '\a\a\a\033[999999999;999999999H\033[?1049h\033[6n\033]4;1;?\007\033P+q544e\033\\'`,
      /4;1;rgb:/,
    );
    // The answers of the terminal stand at the prompt now, as in any other.
    await page.keyboard.press('Control+C');
    await opened.enter(
      `printf '\\033c'; head -c 500000 /dev/zero | tr '\\0' x; clear; echo still $((6*7))`,
      /still 42\n/,
    );
    await expectUnharmed({ page, violations: await opened.violations() });
  });
});

describe('what a job calls its files', () => {
  test('names are text, images are what their bytes say, and nothing of theirs runs', async () => {
    const names = [
      '<img src=x onerror="window.harmed=1">.txt',
      'cod\u202egnp.exe',
      'a\'b"c;$(id).txt',
      '..hidden',
      'picture.png',
    ];
    const { opened } = await openVictim(async (job) => {
      for (const name of names) await writeFile(join(job, name), '<script>window.harmed = 1</script>\n');
      await writeFile(
        join(job, 'drawing.svg'),
        '<svg xmlns="http://www.w3.org/2000/svg" onload="window.harmed=1"/>\n',
      );
      await writeFile(join(job, 'dot.txt'), Buffer.from(DOT_GIF, 'base64'));
      await mkdir(join(job, '<b>folder'));
    });
    const { page } = opened;
    await page.getByRole('button', { name: 'Files', exact: true }).click();
    const shown = page.locator('.folder .name');
    await expect.poll(() => shown.allTextContents()).toContain('<img src=x onerror="window.harmed=1">.txt');
    expect(await shown.allTextContents()).toContain('cod\\u{202e}gnp.exe');
    expect(await page.locator('.folder img, .folder b').count()).toBe(0);
    // A picture by its name, and a text by its bytes; the same of SVG.
    for (const name of ['picture.png', 'drawing.svg']) {
      await page.getByRole('button', { name, exact: true }).click();
      await page.locator('dialog textarea').waitFor();
      await page.getByRole('button', { name: 'Close', exact: true }).click();
    }
    await page.getByRole('button', { name: 'dot.txt', exact: true }).click();
    await page.locator('dialog img').waitFor();
    expect(await page.evaluate("document.querySelector('dialog img').naturalWidth")).toBe(1);
    await page.keyboard.press('Escape');
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download ..hidden' }).click();
    expect((await downloading).suggestedFilename()).toBe('_hidden');
    await expectUnharmed({ page, violations: await opened.violations() });
  });
});

describe('a relay', () => {
  test('that changes one bit ends the session, and the job sees nothing of what it made', async () => {
    const agent = await startAgent(world, { held: true });
    await using proxy = await startTamperingProxy(Number(new URL(world.relay.url).port));
    const link = (agent.card.terminal ?? '').replace(/localhost:\d+/, `localhost:${proxy.port}`);
    const opened = await openJobPage(browser, link);
    onTestFinished(() => opened.context.close());
    await opened.signIn(agent.card.password ?? '');
    await opened.enter('echo before > proof');
    proxy.tamper();
    await opened.page.keyboard.type('x');
    await opened.page.getByText(/^The session (was cut|has ended)/).waitFor();
    await opened.page.getByRole('button', { name: 'Open again' }).waitFor();
  });
});

/** One dot. */
const DOT_GIF = 'R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==';

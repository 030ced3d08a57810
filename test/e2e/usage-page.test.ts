// The usage page in a real browser: copying, the ID box, light and dark, a phone, no JavaScript.
import fastify, { type FastifyInstance } from 'fastify';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { clientUrl, pageUrl } from '../../services/agent/notices/ssh-command.ts';
import { answerRefusals } from '../../services/relay/http/door/refusal.ts';
import { OPEN_TERMS } from '../../services/relay/http/usage/entry-terms.ts';
import { registerUsagePage } from '../../services/relay/http/usage/usage-page.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { offerOf, WHOLE_OFFER } from '../support/relay/offer.ts';

/** What stands in commands until there is an ID: the place for it, and one to choose. */
const SAMPLES = /\/client\/ID\b|\bID\.job\b|@ID\b|my-job/;

/** What it has to download. */
let offer = WHOLE_OFFER;
/** What the policy of the test's relay asks for. */
let terms = OPEN_TERMS;
let app: FastifyInstance;
let origin: string;
let browser: Browser;
let context: BrowserContext | undefined;
/** What a page of this test must not do: complain on the console, break its policy, ask another host. */
let complaints: string[] = [];
let requests: string[] = [];

beforeAll(async () => {
  app = fastify();
  answerRefusals(app, { refused: () => undefined });
  registerUsagePage(app, {
    offer: () => offer,
    entryTerms: () => terms,
  });
  origin = (await app.listen({ host: '127.0.0.1', port: 0 })).replace('127.0.0.1', 'localhost');
  browser = await launchBrowser();
});

afterEach(async () => {
  await context?.close();
  context = undefined;
  terms = OPEN_TERMS;
  offer = WHOLE_OFFER;
});

afterAll(async () => {
  await browser.close();
  await app.close();
});

async function openPage(options: BrowserContextOptions = {}, path = '/', at = origin): Promise<Page> {
  complaints = [];
  requests = [];
  context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(at + path);
  return page;
}

/** From now on no time passes on the page: what it says for two seconds, it says until it was read. */
async function stopTime(page: Page): Promise<void> {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
}

/** The texts of all commands, by name, those in folded blocks included. */
async function readCommands(page: Page): Promise<Map<string, string>> {
  const codes = await page.locator('figure pre code').all();
  const entries = codes.map(
    async (code) =>
      [(await code.getAttribute('id')) ?? '', (await code.textContent()) ?? ''] satisfies [string, string],
  );
  return new Map(await Promise.all(entries));
}

/** Whether what `selector` finds is wider inside than out. */
async function isTooWide(page: Page, selector: string): Promise<boolean> {
  return await page.evaluate<boolean>(
    `(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector('${selector}'))`,
  );
}

describe('the page', () => {
  test('asks nobody but the relay, and complains about nothing', async () => {
    const page = await openPage();
    await page.locator('#id-input').fill('build-4711');
    await page.locator('.copy').first().click();
    await page.locator('nav a').last().click();
    await page.waitForLoadState('networkidle');
    const hosts = requests.filter((url) => !url.startsWith('data:')).map((url) => new URL(url).origin);
    expect(new Set(hosts)).toEqual(new Set([origin]));
    expect(complaints).toEqual([]);
  });

  test('lets nothing in that it did not bring: its policy stops a foreign script', async () => {
    const page = await openPage();
    const isBlocked = await page.evaluate(`new Promise((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
      const script = document.createElement('script');
      script.append('window.intruded = true');
      document.body.append(script);
    })`);
    expect(isBlocked).toMatch(/^(script-src|require-trusted-types-for)/);
    expect(await page.evaluate('window.intruded')).toBeUndefined();
  });

  test('gives every control a name, and the form a description', async () => {
    const page = await openPage();
    expect(await page.getByLabel('ID of the job, for all commands').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Copy: A shell (Linux, macOS)' }).count()).toBe(1);
    expect(await page.getByRole('group', { name: 'Your laptop' }).getByRole('radio').count()).toBe(4);
    expect(await page.getByRole('img', { name: /both dial this relay/ }).count()).toBe(1);
    expect(await page.getByRole('navigation', { name: 'Sections' }).count()).toBe(1);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the commands');
  });
});

describe('the copy buttons', () => {
  test('copy the command beside them, and say so to a screen reader', async () => {
    const page = await openPage({ permissions: ['clipboard-read', 'clipboard-write'] }, '/?id=build-4711');
    const commands = await readCommands(page);
    await stopTime(page);
    await page.getByRole('radio', { name: 'Show all' }).check();
    await page.evaluate('for (const block of document.querySelectorAll("details")) block.name = ""');
    await page.evaluate('for (const block of document.querySelectorAll("details")) block.open = true');
    const buttons = await page.locator('button.copy').all();
    expect(buttons).toHaveLength(commands.size);
    for (const button of buttons) {
      const name = (await button.getAttribute('data-copies')) ?? '';
      const ci = await page.locator(`figure:has(#${name})`).getAttribute('data-ci');
      if (ci !== null) await page.locator(`[name=ci][value=${ci}]`).check();
      await button.click();
      await page.locator(`button[data-copies="${name}"][data-state="Copied"]`).waitFor();
      expect(await page.locator('#announcer').textContent()).toMatch(/^Copied: ./);
      expect(await page.evaluate('navigator.clipboard.readText()'), name).toBe(commands.get(name));
    }
    expect(complaints).toEqual([]);
  });

  test('copy over plain HTTP too, where a page has no clipboard of its own', async () => {
    const remote = await launchBrowser(['--host-resolver-rules=MAP relay.test 127.0.0.1']);
    try {
      const page = await remote.newPage();
      await page.goto(origin.replace('localhost', 'relay.test'));
      expect(await page.evaluate('typeof navigator.clipboard')).toBe('undefined');
      await stopTime(page);
      await page.getByRole('button', { name: 'Copy: A shell (Linux, macOS)' }).click();
      await page.locator('button[data-copies="ssh"][data-state="Copied"]').waitFor();
      // Pasted into a box of one line, it is the command without its line breaks.
      await page.locator('#id-input').focus();
      await page.keyboard.press('Control+V');
      expect(await page.locator('#id-input').inputValue()).toMatch(/^\.\/wsproxy ssh .*\/client\/ID"$/);
    } finally {
      await remote.close();
    }
  });
});

describe('what a laptop runs', () => {
  const AGENTS = {
    linux: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    macos:
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
    windows:
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
    android:
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36',
    iphone:
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  } as const;

  /** The names of the commands that a person sees in these sections. */
  async function readShown(page: Page, ...sections: string[]): Promise<string[]> {
    const scope = sections.map((name) => `#${name} figure code:visible`).join(', ');
    const codes = await page.locator(scope).all();
    return await Promise.all(codes.map(async (code) => (await code.getAttribute('id')) ?? ''));
  }

  const POSIX = ['wsproxy', 'ssh', 'sftp', 'scp', 'plain-ssh', 'node'];
  const WINDOWS = [
    'wsproxy-windows',
    'wsproxy-exe',
    'ssh-windows',
    'plink',
    'sftp-windows',
    'scp-windows',
    'node-windows',
  ];

  test.each([
    ['linux', 'Linux', POSIX],
    ['macos', 'macOS', POSIX],
    ['windows', 'Windows', WINDOWS],
    ['android', 'Linux', POSIX],
    ['iphone', 'Linux', POSIX],
  ] as const)('is seen for %s: the lines for %s, and no others', async (agent, name, expected) => {
    const page = await openPage({ userAgent: AGENTS[agent] });
    expect(await page.getByRole('radio', { name }).isChecked()).toBe(true);
    expect(await readShown(page, 'on-your-laptop')).toEqual(expected);
    const ends = await readShown(page, 'ssh-config', 'local-port');
    expect(ends).toEqual(
      name === 'Windows'
        ? ['config-add-windows', 'config-windows', 'config-use', 'tcptows-windows', 'tcptows-ssh']
        : ['config-add', 'config', 'config-use', 'tcptows', 'tcptows-ssh'],
    );
    const first = await page.locator('.step figure code:visible').all();
    expect(await Promise.all(first.map((code) => code.getAttribute('id')))).toEqual([
      'first-shell',
      `first-${name.toLowerCase()}`,
    ]);
    expect(complaints).toEqual([]);
  });

  test('can be chosen by keyboard, is said to a screen reader, and stays when commands change', async () => {
    const page = await openPage({ userAgent: AGENTS.macos });
    await page.getByRole('radio', { name: 'macOS' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('radio', { name: 'Windows' }).isChecked()).toBe(true);
    expect(await page.locator('#announcer').textContent()).toBe('Commands for: Windows.');
    expect(await readShown(page, 'on-your-laptop')).toEqual(WINDOWS);
    await page.locator('#id-input').fill('build-4711');
    await page.getByRole('button', { name: 'Use in all commands' }).click();
    expect(await readShown(page, 'on-your-laptop')).toEqual(WINDOWS);
    expect(await page.locator('#ssh-windows').textContent()).toBe(
      `.\\wsproxy.exe ssh "${origin.replace('http', 'ws')}/client/build-4711"`,
    );
    await page.getByRole('radio', { name: 'Show all' }).check();
    expect((await readShown(page, 'on-your-laptop')).sort()).toEqual([...POSIX, ...WINDOWS].sort());
    expect(complaints).toEqual([]);
  });

  test('is not asked without JavaScript: all lines are there, each marked with whose it is', async () => {
    const page = await openPage({ userAgent: AGENTS.windows, javaScriptEnabled: false });
    expect(await page.getByRole('radio').count()).toBe(0);
    expect((await readShown(page, 'on-your-laptop')).sort()).toEqual([...POSIX, ...WINDOWS].sort());
    const tags = await page.locator('#on-your-laptop figcaption .tag').allTextContents();
    expect(new Set(tags)).toEqual(new Set(['Linux, macOS', 'Windows']));
  });

  test('gets no line for a program that this relay has not, and is told the way out', async () => {
    offer = offerOf(['agent-linux-x64', 'wsproxy-linux-x64', 'tcptows-linux-x64', 'wsproxy.mjs']);
    for (const [agent, node, name] of [
      ['windows', 'node-windows', 'Windows'],
      ['macos', 'node', 'macOS'],
    ] as const) {
      const page = await openPage({ userAgent: AGENTS[agent] });
      expect(await readShown(page, 'on-your-laptop'), agent).toEqual([node]);
      const notes = (await page.locator('#on-your-laptop .note:visible').allTextContents()).join('\n');
      expect(notes).toContain(`This relay has no programs for ${name}.`);
      expect(notes).toContain('PLATFORMS=all');
      await context?.close();
    }
    const page = await openPage({ userAgent: AGENTS.linux });
    expect(await readShown(page, 'on-your-laptop')).toEqual(POSIX);
    expect((await readCommands(page)).has('first-powershell')).toBe(false);
    expect(await page.locator('#on-your-laptop .note:visible', { hasText: 'has no programs' }).count()).toBe(
      0,
    );
  });

  test.each([320, 390])('fits %d pixels, whatever is chosen', async (width) => {
    const page = await openPage({ viewport: { width, height: 800 }, userAgent: AGENTS.windows });
    for (const name of ['Windows', 'macOS', 'Show all', 'GitHub Actions', 'CircleCI']) {
      await page.getByRole('radio', { name }).check();
      expect(await isTooWide(page, 'html'), name).toBe(false);
    }
  });
});

describe('the first screen', () => {
  const CI = ['Any shell', 'PowerShell', 'GitHub Actions', 'GitLab CI', 'Jenkins', 'CircleCI', 'Buildkite'];
  const strict = {
    agents: ['oidc', 'token', 'key'],
    clients: ['certificate', 'sso'],
    knowsNetworks: true,
  } as const;

  test.each([
    ['nothing', OPEN_TERMS],
    ['a proof', strict],
  ] as const)(
    'of a relay that asks for %s has the line for the job and the one for the laptop, whatever is chosen',
    async (_what, asked) => {
      terms = asked;
      const page = await openPage({ viewport: { width: 1280, height: 800 } });
      for (const name of CI) {
        await page.getByRole('radio', { name }).check();
        const ends = await page.evaluate<number[]>(
          '[...document.querySelectorAll(".step pre")].filter((pre) => pre.checkVisibility()).map((pre) => pre.getBoundingClientRect().bottom)',
        );
        expect(ends, name).toHaveLength(2);
        expect(Math.max(...ends), name).toBeLessThanOrEqual(800);
        const box = await page.locator('#id-input').boundingBox();
        expect(box?.y).toBeGreaterThan(Math.max(...ends));
      }
    },
  );

  test('is chosen by keyboard, and said to a screen reader', async () => {
    const page = await openPage();
    const choice = page.getByRole('group', { name: 'Your CI system' });
    expect(await choice.getByRole('radio').count()).toBe(CI.length);
    await choice.getByRole('radio', { name: 'PowerShell' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#announcer').textContent()).toBe('Commands for: GitHub Actions.');
    expect(await page.locator('#first-github').isVisible()).toBe(true);
    expect(await page.locator('#first-shell').isVisible()).toBe(false);
  });

  test('shows a refused ID in the box, which has the focus', async () => {
    const page = await openPage({ viewport: { width: 1280, height: 800 } }, '/?id=a%20b');
    expect(await page.evaluate('document.activeElement.id')).toBe('id-input');
    expect(await page.getByRole('alert').textContent()).toContain('That is no ID');
    complaints = [];
  });

  test('says so where the relay has no program, and shows no line that needs one', async () => {
    offer = offerOf([]);
    const page = await openPage();
    expect(await page.locator('.step .note:visible', { hasText: 'No program is built' }).count()).toBe(1);
    expect(
      await page.locator('#on-your-laptop .note:visible', { hasText: 'No program is built' }).count(),
    ).toBe(1);
  });
});

describe('a command that is wider than the page', () => {
  test('is broken, or has a shadow where there is more of it: none ends without a cue', async () => {
    const page = await openPage({ viewport: { width: 390, height: 844 } }, `/?id=${'a'.repeat(128)}`);
    await page.getByRole('radio', { name: 'Show all' }).check();
    await page.evaluate('for (const block of document.querySelectorAll("details")) block.name = ""');
    await page.evaluate('for (const block of document.querySelectorAll("details")) block.open = true');
    const clipped = await page.evaluate<{ name: string; shadow: string }[]>(
      `[...document.querySelectorAll('pre')]
        .filter((pre) => pre.scrollWidth > pre.clientWidth)
        .map((pre) => ({ name: pre.firstElementChild.id, shadow: getComputedStyle(pre).backgroundAttachment }))`,
    );
    expect(clipped.map(({ name }) => name)).toContain('github');
    expect(clipped.map(({ name }) => name)).not.toContain('ssh');
    for (const { name, shadow } of clipped) expect(shadow, name).toBe('local, local, scroll, scroll');
  });
});

describe('the link of the job log', () => {
  const PIN = `SHA256:${'aB3+/'.repeat(8)}xyw`;

  test('puts the fingerprint into the lines for a laptop, and tells no server', async () => {
    const job = { publicUrl: origin, id: 'build-4711', fingerprint: PIN, user: 'abc' };
    const page = await openPage({}, '', pageUrl(job));
    const commands = await readCommands(page);
    const url = clientUrl(job);
    for (const name of ['ssh', 'sftp', 'scp', 'plain-ssh', 'ssh-windows', 'tcptows', 'node'])
      expect(commands.get(name), name).toContain(`"${url}"`);
    expect(commands.get('plink')).toBe(`plink -proxycmd "wsproxy.exe ${url}" -hostkey ${PIN} abc@build-4711`);
    for (const name of ['job', 'config', 'github']) expect(commands.get(name), name).not.toContain('SHA256:');
    expect(await page.locator('#pin-note').isVisible()).toBe(true);
    expect(requests.join('\n')).not.toContain('SHA256');
    expect(complaints).toEqual([]);
  });

  test('is for its job alone: another ID loses the fingerprint, and the same finds it again', async () => {
    const page = await openPage({}, `/?id=build-4711#${PIN}`);
    await page.locator('#id-input').fill('other');
    expect([...(await readCommands(page)).values()].join('\n')).not.toContain('SHA256:');
    expect(page.url()).toBe(`${origin}/?id=other`);
    expect(await page.locator('#pin-note').isVisible()).toBe(false);
    await page.locator('#id-input').fill('build-4711');
    expect((await readCommands(page)).get('ssh')).toContain(`build-4711#${PIN}"`);
  });

  test.each(['#SHA256:short', `#${PIN.slice(0, -1)}z`, `#${PIN}"; reboot "`, '#ci', `#x${PIN}`])(
    'is nothing with the fragment %s',
    async (fragment) => {
      const page = await openPage({}, `/?id=build-4711${fragment}`);
      expect((await readCommands(page)).get('ssh')).toMatch(/\/client\/build-4711"$/);
      expect(await page.locator('#pin-note').isVisible()).toBe(false);
    },
  );
});

describe('with a policy', () => {
  const all = {
    agents: ['oidc', 'token', 'key'],
    clients: ['certificate', 'sso', 'token'],
    knowsNetworks: true,
  } as const;

  test('it says before all commands what is asked, and copies what a job needs for it', async () => {
    terms = all;
    const page = await openPage({ permissions: ['clipboard-read', 'clipboard-write'] });
    const [first = ''] = await page.locator('[role="note"], pre').allTextContents();
    expect(first).toContain('This relay asks who comes');
    await stopTime(page);
    await page.locator('button[data-copies="github-permissions"]').click();
    await page.locator('button[data-copies="github-permissions"][data-state="Copied"]').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toContain('id-token: write');
    expect(complaints).toEqual([]);
  });

  test.each([320, 1200])('it fits %d pixels', async (width) => {
    terms = all;
    const page = await openPage({ viewport: { width, height: 800 } });
    expect(await isTooWide(page, 'html')).toBe(false);
  });
});

describe('the ID box', () => {
  test('rewrites every command as one types, and the address of the page', async () => {
    const page = await openPage();
    const before = await readCommands(page);
    expect([...before.values()].join('\n')).toMatch(SAMPLES);
    expect(before.get('first-shell')).toBe(`curl -fsSL ${origin}/docs/agent.sh | sh`);
    await page.locator('#id-input').fill('build-4711');
    expect((await readCommands(page)).get('first-shell')).toBe(
      `curl -fsSL ${origin}/docs/agent.sh | sh -s -- ${origin.replace('http', 'ws')}/agent/build-4711`,
    );
    for (const [name, text] of await readCommands(page)) {
      expect(text, name).not.toMatch(SAMPLES);
      if (before.get(name) !== text) expect(text, name).toContain('build-4711');
    }
    expect(page.url()).toBe(`${origin}/?id=build-4711`);
    await page.locator('#id-input').fill('');
    expect(await readCommands(page)).toEqual(before);
    expect(page.url()).toBe(`${origin}/`);
  });

  test('keeps the commands and says why, when it holds no ID', async () => {
    const page = await openPage({}, '/?id=good');
    const before = await readCommands(page);
    await page.locator('#id-input').fill('not an id');
    expect(await page.getByRole('alert').textContent()).toContain('That is no ID');
    expect(await page.locator('#id-input').getAttribute('aria-invalid')).toBe('true');
    expect(await readCommands(page)).toEqual(before);
    await page.locator('#id-input').fill('better');
    expect(await page.getByRole('alert').textContent()).toBe('');
  });

  test('gives the same commands as the relay does for that ID', async () => {
    const page = await openPage();
    await page.locator('#id-input').fill('build-4711');
    const typed = await readCommands(page);
    await page.reload();
    expect(await readCommands(page)).toEqual(typed);
  });
});

describe('without JavaScript', () => {
  test('the form asks the relay, and no button pretends to copy', async () => {
    const page = await openPage({ javaScriptEnabled: false });
    expect(await page.locator('button.copy:visible').count()).toBe(0);
    await page.locator('#id-input').fill('build-4711');
    await page.getByRole('button', { name: 'Use in all commands' }).click();
    await page.waitForURL('**/?id=build-4711');
    expect((await readCommands(page)).get('job')).toContain('/agent/build-4711');
    await page.locator('summary', { hasText: 'Jenkins' }).click();
    expect(await page.locator('#jenkins').isVisible()).toBe(true);
  });
});

describe('the looks', () => {
  test('follow the system, light or dark', async () => {
    const grounds: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await openPage({ colorScheme });
      grounds.push(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor'));
      await context?.close();
    }
    expect(grounds).toEqual(['rgb(248, 249, 248)', 'rgb(16, 21, 20)']);
  });

  test.each([320, 375, 768, 1200])('fit %d pixels: only blocks scroll sideways', async (width) => {
    const page = await openPage({ viewport: { width, height: 800 } }, `/?id=${'a'.repeat(128)}`);
    await page.evaluate('for (const block of document.querySelectorAll("details")) block.name = ""');
    await page.evaluate('for (const block of document.querySelectorAll("details")) block.open = true');
    expect(await isTooWide(page, 'html')).toBe(false);
    expect(await isTooWide(page, 'pre:has(#ssh)')).toBe(false);
  });
});

// The operator's page in a real browser: search, order, ending, blocking, the keyboard, both colour schemes, no script.
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchBrowser } from '../support/machine/browser.ts';
import { type FakeAgent, openAgent, openAgentStream, socketOf } from '../support/relay/fake-agent.ts';
import { openClient, type RunningRelay, startRelay } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';

let browser: Browser;
let relay: RunningRelay;
let context: BrowserContext | undefined;
let agents: FakeAgent[] = [];
/** What a page of this test must not do: complain on the console, break its policy, ask another host. */
let complaints: string[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

beforeEach(async () => {
  relay = await startRelay();
  agents = [];
  for (let index = 0; index < 60; index += 1)
    agents.push(await openAgent(relay.port, `gh.acme-app.${4_700 + index}.build`));
});
afterEach(async () => {
  await context?.close();
  context = undefined;
  for (const agent of agents) agent[Symbol.dispose]();
  await relay[Symbol.asyncDispose]();
});

async function openPage(path = '/operator', options: BrowserContextOptions = {}): Promise<Page> {
  complaints = [];
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`http://localhost:${relay.internalPort}${path}`);
  return page;
}

function ids(page: Page): Promise<string[]> {
  return page.locator('#live tbody td.name').allTextContents();
}

/** How many loads begin when somebody comes back to look at the page; one that is under way counts for nothing. */
async function loadsOfALook(page: Page): Promise<number> {
  let loads = 0;
  const count = (): number => (loads += 1);
  page.on('request', count);
  await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
  page.off('request', count);
  return loads;
}

async function join(id: string): Promise<void> {
  const agent = agents.find(({ messages }) =>
    messages.some((message) => 'id' in message && message.id === id),
  );
  const client = openClient(relay.port, id);
  const { ticket = '' } = (await agent?.dial()) ?? {};
  socketOf(await openAgentStream(relay.port, id, ticket)).resume();
  socketOf(await client).resume();
}

describe('the table', () => {
  test('is searched as one types, and keeps the words, the order and the place while it is loaded anew', async () => {
    const page = await openPage();
    expect(await ids(page)).toHaveLength(50);
    await page.keyboard.press('/');
    await page.keyboard.type('acme 471');
    await until('ten are left', async () => (await ids(page)).length === 10);
    expect(page.url()).toContain('q=acme+471');
    await page.getByRole('link', { name: 'ID', exact: true }).click();
    await until('they are sorted', async () => (await ids(page))[0] === 'gh.acme-app.4710.build');
    await page.getByRole('link', { name: 'ID', exact: true }).click();
    await until('the other way', async () => (await ids(page))[0] === 'gh.acme-app.4719.build');
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
    expect(await page.evaluate('document.activeElement.id')).toBe('sort-id');
    agents.push(await openAgent(relay.port, 'acme-4718x'));
    await until('the next load shows a new one', async () => (await ids(page)).length === 11);
    expect(await page.locator('#search').inputValue()).toBe('acme 471');
    expect((await ids(page))[0]).toBe('gh.acme-app.4719.build');
    expect(complaints).toEqual([]);
  });

  test('keeps the scroll while it is loaded anew, and a menu that is open stays', async () => {
    const page = await openPage();
    await page.evaluate('scrollTo(0, 600)');
    agents.push(await openAgent(relay.port, 'newest'));
    await until('it was loaded', async () => (await ids(page)).includes('newest'));
    expect(await page.evaluate('scrollY')).toBe(600);
    await page.locator('#live summary').nth(20).click();
    agents.push(await openAgent(relay.port, 'newer-still'));
    expect(await loadsOfALook(page)).toBe(0);
    expect(await page.locator('#live details[open]').count()).toBe(1);
    await page.keyboard.press('Escape');
    expect(await page.locator('#live details[open]').count()).toBe(0);
  });

  test('stays as it is under a finger that is down, and the link there works when it is lifted', async () => {
    const page = await openPage();
    await page.getByRole('link', { name: 'ID', exact: true }).hover();
    await page.mouse.down();
    expect(await loadsOfALook(page)).toBe(0);
    await page.mouse.up();
    await until('they are sorted', async () => (await ids(page))[0] === 'gh.acme-app.4700.build');
    expect(await loadsOfALook(page)).toBe(1);
  });

  test('pages through what is too long for one', async () => {
    const page = await openPage('/operator?sort=id');
    await page.getByRole('link', { name: 'After →' }).click();
    await until('the rest', async () => (await ids(page)).length === 10);
    expect(await page.locator('.foot').textContent()).toContain('51 to 60 of 60');
    await page.getByRole('link', { name: '← Before' }).click();
    await until('the first again', async () => (await ids(page)).length === 50);
  });
});

describe('an action', () => {
  test('asks for the name first, once, and ends the agent that was chosen, by keyboard alone', async () => {
    const page = await openPage('/operator?sort=id&q=4703');
    await page.locator('#live summary').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('Say who you are first').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('by');
    await page.keyboard.type('Ada');
    await page.locator('#live details[open] button').press('Enter');
    await page.getByText('Agent gh.acme-app.4703.build is told to end.').waitFor();
    expect((await agents[3]?.closed)?.code).toBe(4410);
    expect(agents[4]?.socket.readyState).toBe(1);
    await page.goto(`http://localhost:${relay.internalPort}/operator?view=sessions`);
    expect(await page.locator('#by').inputValue()).toBe('Ada');
    expect(complaints).toEqual([]);
  });

  test('ends a session', async () => {
    await join('gh.acme-app.4705.build');
    const page = await openPage('/operator?view=sessions');
    await page.locator('#by').fill('Ada');
    await page.locator('#live summary').click();
    await page.getByRole('button', { name: 'End this session' }).click();
    await page.getByText(/^Session [\w-]{12} is ended\.$/).waitFor();
    await page.getByText('Nobody is in a job').waitFor();
  });

  test('blocks the address that a row has, for a time, and takes it back', async () => {
    const page = await openPage('/operator?q=4703');
    await page.locator('#by').fill('Ada <b>');
    await page.locator('#live summary').click();
    await page.getByRole('link', { name: 'Block 127.0.0.1 …' }).click();
    expect(await page.getByLabel('Address, range or rule').inputValue()).toBe('127.0.0.1');
    await page.getByLabel('For').selectOption('1 day');
    await page.getByLabel('Why').fill('<img src=x onerror=alert(1)>');
    await page.getByRole('button', { name: 'Block', exact: true }).click();
    await page.getByText('127.0.0.1 is blocked for 1 day.').waitFor();
    await page.getByRole('cell', { name: '<img src=x onerror=alert(1)>' }).waitFor();
    await page.getByRole('cell', { name: 'Ada <b>' }).waitFor();
    await page.getByRole('button', { name: 'Unblock 127.0.0.1' }).click();
    await page.getByText('Nothing is blocked').waitFor();
    expect(complaints).toEqual([]);
  });

  test('says what is wrong with it, and keeps what was typed', async () => {
    const page = await openPage('/operator?view=blocks&by=Ada');
    await page.getByLabel('Address, range or rule').fill('0.0.0.0/0');
    await page.getByRole('button', { name: 'Block', exact: true }).click();
    await page.getByRole('alert').getByText('too wide').waitFor();
    expect(await page.getByLabel('Address, range or rule').inputValue()).toBe('0.0.0.0/0');
  });
});

test('without a script links and forms do the same', async () => {
  const page = await openPage('/operator', { javaScriptEnabled: false });
  await page.locator('#search').fill('4703');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/[?&]q=4703/);
  expect(await ids(page)).toEqual(['gh.acme-app.4703.build']);
  await page.locator('#by').fill('Ada');
  await page.locator('#by').press('Enter');
  await page.waitForURL(/[?&]by=Ada/);
  await page.goto(`${page.url()}&q=4703`);
  await page.locator('#live summary').click();
  await page.getByRole('button', { name: 'End this agent' }).click();
  await page.getByText('Agent gh.acme-app.4703.build is told to end').waitFor();
  expect((await agents[3]?.closed)?.code).toBe(4410);
});

test('nothing foreign runs on it', async () => {
  const page = await openPage();
  const blocked = await page.evaluate(`new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
    const script = document.createElement('script');
    script.append('window.intruded = true');
    document.body.append(script);
  })`);
  expect(blocked).toMatch(/^(script-src|require-trusted-types-for)/);
});

test.each(['light', 'dark'] as const)(
  'it looks right in %s, and no view is too wide for its window',
  async (colorScheme) => {
    await join('gh.acme-app.4705.build');
    const page = await openPage('/operator', { colorScheme });
    const grounds = { light: 'rgb(248, 249, 248)', dark: 'rgb(16, 21, 20)' };
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(grounds[colorScheme]);
    for (const view of ['agents', 'sessions', 'refusals', 'limits', 'blocks', 'pods'])
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(`http://localhost:${relay.internalPort}/operator?view=${view}`);
        const isTooWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        expect(isTooWide, `${view} at ${width}`).toBe(false);
      }
    expect(complaints).toEqual([]);
  },
);

// People sign on in Chromium at a real provider: by a code that a program has shown them, and with a cookie for a page.
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../../support/machine/browser.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { joinPair } from '../../support/relay/joined-pair.ts';
import { ask, begin, proofOf, signedOnFrom } from '../../support/sso/program-sign-on.ts';
import { openSignOnWorld } from '../../support/sso/sign-on-world.ts';

/** For somebody to look at. */
const PICTURES = join(tmpdir(), 'converge-sign-on');

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
  await mkdir(PICTURES, { recursive: true });
}, 120_000);
afterAll(() => browser.close());

/** A new profile; what its pages complain of, a breach of the CSP included, is collected. */
async function openPage(url: string): Promise<{ page: Page; complaints: string[] } & AsyncDisposable> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

async function logIn(page: Page, account: string): Promise<void> {
  await page.getByLabel('Name').fill(account);
  await page.getByRole('button', { name: 'Log in' }).click();
}

test('a code that a program shows is typed at the provider, and the program is in', async () => {
  const world = await openSignOnWorld();
  const { handle, userCode, verificationUri } = await begin(world);
  await using opened = await openPage(verificationUri);
  const { page } = opened;
  await page.locator('input[name=user_code]').fill(userCode);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await logIn(page, 'ada');
  await page.getByText('You have signed on.').waitFor();
  const { token } = signedOnFrom(await ask(world, 'token', { handle }));
  using agent = await openAgent(world.relay.port, 'job');
  using pair = await joinPair(world.relay.port, agent, 'job', { headers: proofOf(token) });
  expect(pair.client.readyState).toBe(1);
});

test('a page of the relay signs on, opens a WebSocket with nothing but its cookie, and signs off', async () => {
  const world = await openSignOnWorld();
  await using opened = await openPage(`${world.base}/sign-on`);
  const { page, complaints } = opened;
  await logIn(page, 'ada');
  await page.waitForURL(`${world.base}/sign-on/done`);
  expect(await page.getByRole('heading').textContent()).toBe('Signed on as ada@example.com');
  expect(await page.evaluate('document.cookie')).toBe('');
  await page.screenshot({ path: join(PICTURES, 'done.png'), fullPage: true });

  using agent = await openAgent(world.relay.port, 'job');
  // A page of the relay's own origin that may connect; its usage page may not.
  await page.goto(`${world.base}/nothing-is-here`);
  await page.evaluate(
    (path) => {
      const socket = new WebSocket(path, 'converge.stream.v1');
      Object.assign(globalThis, { socket });
    },
    `${world.base.replace(/^http/, 'ws')}/client/job`,
  );
  const { ticket } = await agent.dial();
  expect(ticket).not.toBe('');

  await page.goto(`${world.base}/sign-on/done`);
  await page.getByRole('button', { name: 'Sign off' }).click();
  await page.getByText('has signed off').waitFor();
  await page.screenshot({ path: join(PICTURES, 'off.png'), fullPage: true });
  // The provider's are there: cookies do not go by ports.
  const names = (await page.context().cookies(world.base)).map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('converge'))).toEqual([]);
  // The link leads to the provider again, past the form that has just been sent.
  await page.getByRole('link', { name: 'Sign on' }).click();
  await page.waitForURL(
    (url) => url.pathname === '/sign-on/done' || url.pathname.startsWith('/interaction/'),
  );
  expect(complaints.filter((text) => !/status of 404|WebSocket/.test(text))).toEqual([]);
});

test('whoever says no at the provider reads why there is no sign-on, and how to begin again', async () => {
  const world = await openSignOnWorld();
  await using opened = await openPage(`${world.base}/sign-on`);
  const { page } = opened;
  await page.emulateMedia({ colorScheme: 'dark' });
  await logIn(page, '');
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('alert').textContent()).toContain('turned down at the provider');
  await page.screenshot({ path: join(PICTURES, 'refused.png'), fullPage: true });
  await page.getByRole('link', { name: 'Sign on again' }).click();
  await logIn(page, 'ada');
  await page.waitForURL(`${world.base}/sign-on/done`);
});

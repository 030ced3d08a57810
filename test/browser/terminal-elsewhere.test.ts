// The terminal page with a relay that asks who comes, and the page opened from disk.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { DIST } from '../../deploy/build/source-tree.ts';
import { openJobPage } from '../support/browser/job-page.ts';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { startAgent } from '../support/laptop/job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { CLIENT_ID, CLIENT_SECRET, startOidcIssuer } from '../support/sso/oidc-issuer.ts';

const world = useWorld();
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

test('where the relay asks people to sign on, the page says so, and is back with its key after that', async () => {
  const folder = await world.makeFolder('policy');
  const secretFile = join(folder, 'secret');
  await writeFile(secretFile, `${CLIENT_SECRET}\n`);
  const file = join(folder, 'policy.yaml');
  const relay = await createMortalRelay(world, { POLICY_FILE: file });
  const base = `http://127.0.0.1:${relay.port}`;
  const issuer = await startOidcIssuer({ redirectUris: [`${base}/sign-on/callback`] });
  onTestFinished(() => issuer[Symbol.asyncDispose]());
  const lines = [
    `audience: ${base}`,
    'clients:',
    '  - { name: people, sso: { groups: engineers } }',
    'sso:',
    `  issuer: ${issuer.issuer}`,
    `  client-id: ${CLIENT_ID}`,
    `  client-secret-file: ${secretFile}`,
    '  scopes: [openid, email, groups]',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  await relay.start();
  const agent = await startAgent(world, { relay: base.replace('http', 'ws'), held: true });
  const opened = await openJobPage(browser, agent.card.terminal ?? '');
  onTestFinished(() => opened.context.close());
  const { page } = opened;
  await page.getByRole('heading', { name: 'Sign on first' }).waitFor();
  await page.getByRole('button', { name: 'Sign on' }).click();
  await page.getByLabel('Name').fill('ada');
  await page.getByRole('button', { name: 'Log in' }).click();
  await opened.signIn(agent.card.password ?? '');
  expect(page.url()).toBe(agent.card.terminal);
  // What is behind the # was told to nobody on the way.
  expect(opened.requested.join('\n')).not.toContain(agent.card.fingerprint.slice('SHA256:'.length));
  expect(opened.requested.join('\n')).not.toContain(encodeURIComponent(agent.card.fingerprint));
});

test('opened from disk, the page in one file reaches a relay that lets it, and no other', async () => {
  const file = pathToFileURL(join(DIST, 'bin/converge-terminal.html')).href;
  const willing = await world.startRelay({ TERMINAL: 'off', TERMINAL_ORIGINS: 'null' });
  for (const [relay, isLetIn] of [
    [world.relay, false],
    [willing, true],
  ] as const) {
    const agent = await startAgent(world, { relay: relay.wsUrl, held: true });
    const [, url = ''] = /"(ws:\S+)"/.exec(agent.card.shell) ?? [];
    const opened = await openJobPage(browser, file);
    onTestFinished(() => opened.context.close());
    await opened.page.getByLabel('Its address').fill(url);
    await opened.page.keyboard.press('Enter');
    if (isLetIn) {
      await opened.signIn(agent.card.password ?? '');
      expect(await opened.enter('echo $((6 * 7))')).toContain('\n42\n');
      expect(await opened.violations()).toEqual([]);
    } else await opened.page.getByText('it takes none from this page').waitFor();
  }
});

// Who may reach a job: people who sign on. wsproxy shows a page and a code, the person types it in a browser at a real provider, and ssh is in.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPolicyRelay, type PolicyRelay } from '../support/entry/policy-relay.ts';
import type { Way } from '../support/laptop/laptop.ts';
import { type OpenJob, openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { CLIENT_ID, CLIENT_SECRET, type OidcIssuer, startOidcIssuer } from '../support/sso/oidc-issuer.ts';

const world = useWorld();
let browser: Browser;
let secretFile: string;

beforeAll(async () => {
  browser = await launchBrowser();
  secretFile = join(await world.makeFolder('secret'), 'client-secret');
  await writeFile(secretFile, `${CLIENT_SECRET}\n`);
});
afterAll(() => browser.close());

/** A provider whose tokens last so long, a relay that asks clients to sign on there, and a job. */
async function openDoor(
  idTokenSeconds: number,
): Promise<OpenJob & { issuer: OidcIssuer; relay: PolicyRelay }> {
  // No browser comes back to the relay here.
  const issuer = await startOidcIssuer({
    idTokenSeconds,
    redirectUris: ['http://127.0.0.1/sign-on/callback'],
  });
  onTestFinished(() => issuer[Symbol.asyncDispose]());
  const relay = await openPolicyRelay(
    world,
    (audience) => `audience: ${audience}
clients:
  - { name: people, sso: { groups: engineers } }
sso:
  issuer: ${issuer.issuer}
  client-id: ${CLIENT_ID}
  client-secret-file: ${secretFile}
  scopes: [openid, email, groups, offline_access]
`,
  );
  return { issuer, relay, ...(await openJob(world, { relay: relay.url, held: true })) };
}

/** What a person does who has read the lines of wsproxy: opens the page, types the code, logs in. */
async function signOn(page: string, code: string, account: string): Promise<void> {
  await using context = await browser.newContext();
  const tab = await context.newPage();
  await tab.goto(page);
  await tab.locator('input[name=user_code]').fill(code);
  await tab.getByRole('button', { name: 'Continue' }).click();
  await tab.getByText(code).waitFor();
  await tab.getByRole('button', { name: 'Continue' }).click();
  await tab.getByLabel('Name').fill(account);
  await tab.getByRole('button', { name: 'Log in' }).click();
  await tab.getByText('You have signed on.').waitFor();
}

/** ssh gets in, and nobody is asked for anything. */
async function expectNoQuestion(way: Way): Promise<void> {
  const ssh = way.startSsh([way.host, 'echo in']);
  // Whoever is asked waits for minutes.
  expect((await ssh.see(/^in$|asks you to sign on/m))[0]).toBe('in');
  expect(await ssh.exited).toEqual({ code: 0, signal: null });
  expect(ssh.stderr).toBe('');
}

/** Where to go without what is in the URL already: the person types. */
const ASKED =
  /wsproxy: (\S+) asks you to sign on: open (\S+?)\?user_code=\S+\r?\nwsproxy: and see that it shows the code (\S+); within 10 minutes\r?\n/;

test('ssh is in once the code was typed, the next one needs none, and nobody else can read what is kept', async () => {
  const { issuer, relay, way } = await openDoor(3_600);
  const terminal = way.openTerminal();
  const [, host, page = '', code = ''] = await terminal.see(ASKED);
  expect(host).toBe(new URL(relay.url).host);
  expect(page).toBe(`${issuer.issuer}/device`);
  await signOn(page, code, 'ada');
  await terminal.see(/wsproxy: signed on\r\n[^]*[$#] $/);
  terminal.type('exit 3\r');
  expect(await terminal.exited).toMatchObject({ code: 3 });

  const asked = issuer.asked.length;
  await expectNoQuestion(way);
  expect(issuer.asked).toHaveLength(asked);
  const kept = join(way.laptop.folder, '.local/state/converge');
  const { stdout } = await way.laptop.paste(`find ${kept} -mindepth 1 -printf '%f %m\\n'`);
  expect(stdout).toMatch(/^sign-on-[0-9a-f]{32}\.json 600\n$/);
  expect((await stat(kept)).mode & 0o777).toBe(0o700);
  // What lies there is of this relay alone, and nothing of the provider's.
  const text = await readFile(join(kept, stdout.split(' ')[0] ?? ''), 'utf8');
  expect(text).not.toContain('ada');
  expect(await relay.relay.metric('converge_admissions_total{role="client",rule="people"}')).toBe(2);
});

test('somebody of another group signs on and is refused in words', async () => {
  const { way } = await openDoor(3_600);
  const ssh = way.startSsh([way.host, 'echo in']);
  const [, host, page = '', code = ''] = await ssh.see(ASKED);
  await signOn(page, code, 'bob');
  expect(await ssh.exited).toEqual({ code: 255, signal: null });
  expect(ssh.stdout).toBe('');
  expect(ssh.stderr.replace(ASKED, '')).toContain(
    `wsproxy: signed on\nwsproxy: ${host} refused: no rule admits this: rule people does not, since groups has none of those that count here (not_admitted)\n`,
  );
});

test('a sign-on is refreshed without a code, until the provider has revoked it: then the person is asked again', async () => {
  // Less than what wsproxy leaves for the way to the relay: each ssh asks for another one.
  const { issuer, way } = await openDoor(20);
  const first = way.startSsh([way.host, 'echo in']);
  const [, , page = '', code = ''] = await first.see(ASKED);
  await signOn(page, code, 'ada');
  expect(await first.exited).toEqual({ code: 0, signal: null });

  const asked = issuer.asked.length;
  await expectNoQuestion(way);
  expect(issuer.asked.slice(asked)).toContain('POST /token');
  expect(issuer.asked.slice(asked)).not.toContain('POST /device/auth');

  await issuer.revoke('ada');
  const again = way.startSsh([way.host, 'echo in']);
  const [, , otherPage = '', otherCode = ''] = await again.see(ASKED);
  expect(otherCode).not.toBe(code);
  expect(again.stdout).toBe('');
  await signOn(otherPage, otherCode, 'ada');
  expect(await again.exited).toEqual({ code: 0, signal: null });
  expect(again.stdout).toBe('in\n');
});

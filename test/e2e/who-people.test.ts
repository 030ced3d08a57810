// Who may reach a job: people with certificates, at the relay's door and at the agent behind it, made by ssh-keygen and used by ssh.
import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { type Authority, makeAuthority } from '../support/entry/certified-person.ts';
import { askOperator, openPolicyRelay, type PolicyRelay } from '../support/entry/policy-relay.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { openWay, type Way } from '../support/laptop/laptop.ts';
import type { KeySecret } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { startSshAgent } from '../support/ssh/ssh-agent.ts';
import { sshAdd } from '../support/ssh/ssh-keygen.ts';

const world = useWorld(['ssh-agent', 'ssh-add']);

let authority: Authority;
let relay: PolicyRelay;
let host: string;
/** It takes whomever the authority has certified for `abc`, and asks nobody about revoked ones. */
let agent: E2eAgent;

/** The door is open to those whom the authority has certified for `engineers`. */
function policyOf(audience: string, revoked = ''): string {
  return `audience: ${audience}
clients:
  - name: staff
    certificate-authorities: ['${authority.line}']
    principals: [engineers]
${revoked === '' ? '' : `    revoked-keys: ${revoked}\n`}`;
}

beforeAll(async () => {
  authority = await makeAuthority(world);
  relay = await openPolicyRelay(world, (audience) => policyOf(audience));
  host = new URL(relay.url).host;
  const args = ['--trusted-user-ca', `${authority.file}.pub`];
  agent = await startAgent(world, { relay: relay.url, id: 'job', args, held: true });
});

/** What the card says, with the key that wsproxy is to show at the door. */
async function openDoor(to: E2eAgent, person: KeySecret): Promise<Way> {
  const ssh = to.card.ssh.replace('./wsproxy ', `./wsproxy --identity ${person.file} `);
  return await openWay(world, { ...to, card: { ...to.card, ssh } }, person);
}

/** What a person reads who does not get through the door: the words of wsproxy, and below them some of ssh. */
async function refusalOf(way: Way): Promise<string> {
  const { code, stdout, stderr } = await way.ssh([way.host, 'echo in']);
  expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
  // How many lines ssh has for it depends on what it was just doing.
  const said = stderr.split('\n').filter((line) => line.startsWith('wsproxy: '));
  expect(said).toEqual([stderr.split('\n')[0]]);
  return said[0] ?? '';
}

test('a certificate for the door and for the login opens a shell, and both sides say whose it is', async () => {
  const ada = await authority.person('ada@example.com', 'engineers,abc', 5);
  const way = await openDoor(agent, ada);
  const session = way.startSsh([way.host, 'echo in; read -r line; echo "$line"']);
  await session.see(/^in$/m);
  const { sessions } = await askOperator(relay.relay, 'sessions');
  expect(sessions).toMatchObject([{ id: 'job', rule: 'staff', subject: 'ada@example.com' }]);
  session.child.stdin?.end('and out\n');
  expect(await session.exited).toEqual({ code: 0, signal: null });
  expect({ stdout: session.stdout, stderr: session.stderr }).toEqual({ stdout: 'in\nand out\n', stderr: '' });
  await agent.process.see(
    /abc logged in from 127\.0\.0\.1 with certificate "ada@example\.com" \(serial 5\) by SHA256:\S+ for key SHA256:/,
  );
});

test('wsproxy finds the certificate in an ssh-agent by itself', async () => {
  const ada = await authority.person('ada@example.com', 'engineers,abc', 6);
  await using keys = await startSshAgent(`${world.folder}/agent.sock`);
  await sshAdd(keys.socketPath, [ada.file]);
  const way = await openWay(world, agent, ada);
  const env = { SSH_AUTH_SOCK: keys.socketPath };
  expect(await way.ssh([way.host, 'echo in'], { env })).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
});

test('whoever shows nothing reads at the door what to show', async () => {
  const ada = await authority.person('ada@example.com', 'engineers,abc', 7);
  const way = await openWay(world, agent, ada);
  expect(await refusalOf(way)).toBe(
    `wsproxy: ${host} asks clients who they are: it takes an SSH certificate: pass --identity FILE with FILE-cert.pub beside it, or add both to the ssh-agent`,
  );
});

test('a certificate for others, and one by another authority, are refused at the door in words', async () => {
  const bob = await authority.person('bob@example.com', 'sales,abc', 8);
  const sales = await openDoor(agent, bob);
  expect(await refusalOf(sales)).toBe(
    `wsproxy: ${host} refused: no rule admits this: rule staff does not, since the certificate is for sales or abc (certificate_wrong_principal)`,
  );
  const stranger = await (await makeAuthority(world)).person('ada@example.com', 'engineers,abc', 5);
  const strange = await openDoor(agent, stranger);
  expect(await refusalOf(strange)).toMatch(
    /^wsproxy: \S+ refused: the certificate is signed by SHA256:\S+, which is no authority here \(certificate_unknown_ca\)$/,
  );
  expect(agent.process.stdout).not.toContain('bob@example.com');
});

test('a revoked certificate is refused by the agent that knows of it, in words', async () => {
  const eve = await authority.person('eve@example.com', 'engineers,abc', 9);
  const args = ['--trusted-user-ca', `${authority.file}.pub`, '--revoked-keys', await authority.revoke(9)];
  const careful = await startAgent(world, { relay: relay.url, id: 'careful', args, held: true });
  const way = await openDoor(careful, eve);
  expect(await way.ssh([way.host, 'echo in'])).toEqual({
    code: 255,
    stdout: '',
    stderr: `${way.host}: Permission denied (publickey).\r\n`,
  });
  await careful.process.see(
    /refused abc from 127\.0\.0\.1: certificate "eve@example\.com" is revoked, by its serial number\n/,
  );
  const other = await openDoor(careful, await authority.person('ada@example.com', 'engineers,abc', 10));
  expect((await other.ssh([other.host, 'echo in'])).stdout).toBe('in\n');
});

test('once the policy revokes it, the door refuses it before any agent hears of it, and others go on', async () => {
  const eve = await authority.person('eve@example.com', 'engineers,abc', 11);
  const way = await openDoor(agent, eve);
  expect((await way.ssh([way.host, 'echo in'])).stdout).toBe('in\n');
  await relay.change(policyOf(relay.audience, await readFile(await authority.revoke(11), 'base64')));
  // Its last word of the session before.
  await agent.process.see(/\(serial 11\)[^]* logged out after .*\n/);
  // But for what it says every minute.
  const heard = () =>
    agent.process.stdout.split('\n').filter((line) => !line.includes('waiting for somebody to connect'));
  const before = heard();
  expect(await refusalOf(way)).toBe(
    `wsproxy: ${host} refused: the certificate is revoked, by its serial number (certificate_revoked)`,
  );
  expect(heard()).toEqual(before);
  const other = await openDoor(agent, await authority.person('ada@example.com', 'engineers,abc', 12));
  expect((await other.ssh([other.host, 'echo in'])).stdout).toBe('in\n');
});

// The record of a relay, of a run with the built programs: who came by which rule, what they ran by name, who was refused; and it verifies as the page says.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jobRecordsOf, type Line, readAuditFileSoFar, verifyByScript } from '../support/audit/audit-file.ts';
import { makeAuthority } from '../support/entry/certified-person.ts';
import { githubEnvironment } from '../support/entry/ci-environment.ts';
import { openPolicyRelay } from '../support/entry/policy-relay.ts';
import { launchAgent, startAgent } from '../support/laptop/job.ts';
import { openWay } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { GITHUB_CLAIMS } from '../support/relay/issuer-claims.ts';
import { TestIssuer } from '../support/relay/test-issuer.ts';
import { until } from '../support/time/poll.ts';

const world = useWorld();

/** Stands in arguments, in output and in a variable: nowhere in the record. */
const SECRET = 'hunter-2-is-a-secret';

test('a run is in the record with its rules and names, without an argument, and its chain is good', async () => {
  await using issuer = await TestIssuer.start();
  const folder = await world.makeFolder('record');
  const file = join(folder, 'audit.jsonl');
  const authority = await makeAuthority(world);
  const relay = await openPolicyRelay(
    world,
    (audience) => `audience: ${audience}
issuers: { ghes: { url: '${issuer.url}', like: github } }
agents:
  - { name: acme-ci, issuer: ghes, match: { repository_owner: acme }, ids: 'gh.{repository}.{run_id}' }
clients:
  - { name: staff, certificate-authorities: ['${authority.line}'], principals: [engineers] }
`,
    { AUDIT_TO: `file:${file}` },
  );
  const id = 'gh.acme__app.16123456789';
  const env = await githubEnvironment(issuer, relay.audience, GITHUB_CLAIMS);
  const args = ['--trusted-user-ca', `${authority.file}.pub`];
  const agent = await startAgent(world, { relay: relay.url, id, env, args });
  expect(agent.process.stdout).toContain('this relay keeps a record of who is in the job');

  const ada = await authority.person('ada@example.com', 'engineers,abc', 5);
  const ssh = agent.card.ssh.replace('./wsproxy ', `./wsproxy --identity ${ada.file} `);
  const way = await openWay(world, { ...agent, card: { ...agent.card, ssh } }, ada);
  const command = `TOKEN=${SECRET} /usr/bin/printf '%s' ${SECRET}; exit 7`;
  expect(await way.ssh([way.host, command])).toEqual({ code: 7, stdout: SECRET, stderr: '' });
  expect(await agent.process.exited).toEqual({ code: 0, signal: null });
  const mallory = await githubEnvironment(issuer, relay.audience, {
    ...GITHUB_CLAIMS,
    repository_owner: 'mallory',
  });
  const stranger = await launchAgent(world, { relay: relay.url, id, env: mallory });
  expect(await stranger.process.exited).toEqual({ code: 4, signal: null });

  const isWhole = async () => {
    const found = await readAuditFileSoFar(file);
    return found.some(({ event, code }) => event === 'refused' && code === 'not_admitted') && found;
  };
  const lines = await until('the last refusal is in the record', isWhole);
  const only = (event: string): readonly Line[] => lines.filter((line) => line['event'] === event);
  expect(only('policy_loaded')).toMatchObject([{ rules: ['acme-ci', 'staff'] }]);
  expect(only('agent_linked')).toMatchObject([
    {
      id,
      address: '127.0.0.1',
      isFirst: true,
      admittance: {
        rule: 'acme-ci',
        kind: 'oidc',
        subject: 'acme/app, run 16123456789',
        facts: { repository_owner: 'acme', repository: 'acme/app', run_id: '16123456789' },
      },
    },
  ]);
  const [started] = only('session_started');
  expect(started).toMatchObject({
    id,
    admittance: { rule: 'staff', kind: 'certificate', subject: 'ada@example.com', facts: { serial: '5' } },
  });
  expect(only('session_ended')).toMatchObject([{ session: started?.['session'], reason: 'ended' }]);
  // Agents and clients dial without a proof first, and are asked for one.
  expect(only('refused').map(({ role, code }) => `${String(role)} ${String(code)}`)).toEqual([
    'agent identity_required',
    'client identity_required',
    'agent identity_required',
    'agent not_admitted',
  ]);
  expect(only('refused').at(-1)).toMatchObject({
    id,
    message: 'no rule admits this: rule acme-ci does not, since repository_owner is "mallory"',
  });

  const records = jobRecordsOf(lines);
  expect(records.map(({ event }) => event)).toEqual([
    'job_opened',
    'login',
    'program_started',
    'program_ended',
    'logout',
    'job_closed',
  ]);
  expect(records[0]).toMatchObject({ provider: 'github', hostKey: agent.card.fingerprint });
  expect(records[1]).toMatchObject({
    user: 'abc',
    method: 'certificate',
    certificate: { keyId: 'ada@example.com', serial: '5', principals: ['engineers', 'abc'] },
  });
  expect(records[2]).toMatchObject({ what: 'command', command: 'printf', terminal: false });
  expect(records[3]).toMatchObject({ exit: 7, bytes: { received: 0, sent: SECRET.length } });
  const text = await readFile(file, 'utf8');
  expect(text).not.toContain(SECRET);
  for (const secret of ['secret-of-the-runner', 'eyJ']) expect(text).not.toContain(secret);

  const verdict = await verifyByScript(folder, agent.card.fingerprint, [file]);
  expect(verdict).toMatchObject({ code: 0, errors: '' });
  expect(verdict.texts.map((one) => JSON.parse(one) as Line)).toEqual(records);
  // One letter of it, by whoever keeps the file.
  await writeFile(
    join(folder, 'changed'),
    text.replace('\\"command\\":\\"printf\\"', '\\"command\\":\\"prinft\\"'),
  );
  const changed = await verifyByScript(folder, agent.card.fingerprint, [join(folder, 'changed')]);
  expect(changed.code).toBe(1);
  expect(changed.errors).toContain('verify: record 3 is missing\n');
});

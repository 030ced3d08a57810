// --access policy: what an agent does with the word of a relay about who may enter, and without it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ACCESS_WITHIN_MS } from '../../../services/agent/access/relay-access.ts';
import { type AgentStart, startAgent } from '../../../services/agent/agent.ts';
import { parseInvocation } from '../../../services/agent/command-line/cli.ts';
import { ownPlatform } from '../../../services/agent/own-platform.ts';
import { keyFingerprint } from '../../../services/shared/ssh/fingerprint.ts';
import { MoodyRelay } from '../../support/relay/moody-relay.ts';
import { makeTestKey, type TestKey } from '../../support/ssh/test-key.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';

const CA = makeTestKey('ecdsa-sha2-nistp256');
const OWN = makeTestKey('ssh-ed25519');

let directory: string;
let clock: ManualClock;
let relay: MoodyRelay;
let base: string;
let agent: AgentStart | undefined;
let code: number | undefined;
let lines: string[];
let complaints: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'access-policy-'));
  await writeFile(join(directory, 'own.pub'), `${lineOf(OWN)}\n`);
  clock = new ManualClock(Date.UTC(2026, 10, 29, 14, 0, 0));
  relay = new MoodyRelay();
  base = await relay.start();
  [lines, complaints, agent, code] = [[], [], undefined, undefined];
});

afterEach(async () => {
  if (agent?.kind === 'running') {
    agent.end('signal');
    await until(() => code !== undefined, 100);
  }
  relay.stop();
  await rm(directory, { recursive: true, force: true });
});

function lineOf({ type, blob }: TestKey): string {
  return `${type} ${blob.toString('base64')} of the test`;
}

async function start(...argv: string[]): Promise<void> {
  return startVia(undefined, ...argv);
}

async function startVia(proxy: URL | undefined, ...argv: string[]): Promise<void> {
  const invocation = parseInvocation([...argv, `${base}/agent/job`], {});
  if (invocation.kind !== 'run') throw new Error(JSON.stringify(invocation));
  agent = await startAgent(invocation.options, {
    platform: ownPlatform(),
    env: { PATH: '/usr/bin:/bin' },
    cwd: directory,
    clock,
    random: () => 0.5,
    temporaryDirectory: directory,
    program: ['/bin/true'],
    proxy,
    mask: 'zero',
    print: (line) => lines.push(line),
    complain: (line) => complaints.push(line),
  });
  if (agent.kind !== 'running') throw new Error(complaints.join('; '));
  void agent.ended.then(({ code: ended }) => {
    code = ended;
  });
}

async function until(condition: () => boolean, stepMs = 0): Promise<void> {
  const giveUpAt = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > giveUpAt) throw new Error(`never came true: ${String(condition)}\n${lines.join('\n')}`);
    clock.advance(stepMs);
    await setImmediate();
  }
}

const host = (): string => new URL(base).host;
const isOpen = (): boolean => lines.some((line) => line.includes('this job is open for SSH'));

test('an agent without the option asks nothing, and takes nothing that it is told', async () => {
  relay.access = { authorities: [lineOf(CA)], people: [] };
  await start('--authorized-keys', join(directory, 'own.pub'));
  await until(isOpen);
  expect(relay.handshakes[0]?.access).toBeUndefined();
  expect(lines.join('\n')).toContain('Enter with your SSH key: 1 key is accepted, no password.\n');
  expect(lines.join('\n')).not.toContain(keyFingerprint(CA.blob));
});

test('the card waits for the word of the relay, and says whose it is', async () => {
  relay.access = { authorities: [lineOf(CA)], people: [] };
  await start('--access', 'policy', '--principals', 'ops');
  await until(isOpen);
  expect(relay.handshakes[0]?.access).toBe('policy');
  expect(lines.join('\n')).toContain(
    [
      'Enter with an SSH certificate, no password.',
      `The relay of ${host()} says who else may enter (--access policy):`,
      `  certificates for ops by ${keyFingerprint(CA.blob)} (of the test)`,
    ].join('\n'),
  );
});

describe('a relay that says nothing', () => {
  test('ends an agent that nobody could enter then, in words', async () => {
    await start('--access', 'policy');
    await until(() => relay.links.length > 0);
    await until(() => code !== undefined, ACCESS_WITHIN_MS / 4);
    expect(code).toBe(4);
    expect(isOpen()).toBe(false);
    expect(complaints).toEqual([
      `nobody may enter: the relay of ${host()} names nobody for this agent, and neither do its options; add --allow, --authorized-keys or --trusted-user-ca, or ask whoever runs that relay for \`access\` in its policy`,
    ]);
  });

  test('is reported where the options name somebody', async () => {
    await start('--access', 'policy', '--authorized-keys', join(directory, 'own.pub'));
    await until(() => relay.links.length > 0);
    await until(isOpen, ACCESS_WITHIN_MS / 4);
    expect(lines[0]).toContain(
      `the relay of ${host()} has not said who may enter: it has no policy for this, or is too old for --access policy`,
    );
  });
});

test('a relay that names nobody ends an agent that names nobody, at once', async () => {
  relay.access = { authorities: [], people: [] };
  await start('--access', 'policy');
  await until(() => code !== undefined);
  expect([code, complaints.length]).toEqual([4, 1]);
});

test('what cannot be understood of its word is said, and counts for nothing', async () => {
  relay.access = { authorities: [lineOf(CA), 'no key'], people: ['nobody'] };
  await start('--access', 'policy', '--authorized-keys', join(directory, 'own.pub'));
  await until(isOpen);
  const text = lines.join('\n');
  expect(text).toContain(`the policy of ${host()}, line 2: not the public key of an authority`);
  expect(text).toContain(`the policy of ${host()}: "nobody" is no account`);
  expect(text).toContain(`The relay of ${host()} may say who else may enter, and names nobody.`);
});

test('a link that is lost before the word is no link, and the next one is asked again', async () => {
  await start('--access', 'policy');
  await until(() => relay.links.length > 0);
  relay.access = { authorities: [lineOf(CA)], people: [] };
  relay.links.at(-1)?.terminate();
  await until(isOpen, 10);
  expect(relay.handshakes.map(({ access }) => access)).toEqual(['policy', 'policy']);
  expect(complaints).toEqual([]);
});

test('a later word takes the place of the one before, and the log says that there is one', async () => {
  relay.access = { authorities: [lineOf(CA)], people: [] };
  await start('--access', 'policy');
  await until(isOpen);
  relay.access = { authorities: [], people: [] };
  relay.links.at(-1)?.terminate();
  await until(() => lines.some((line) => line.includes('has changed who may enter')), 10);
  expect(code).toBeUndefined();
});

test.each<[string, () => string, URL | undefined]>([
  ['plainly from another machine', () => 'ws://relay.test:80', undefined],
  ['by a proxy, which is another machine', () => base, new URL('http://proxy.test:3128')],
])(
  'the word of a relay does not come %s: whoever is on the way could let themselves in',
  async (_how, url, proxy) => {
    base = url();
    await expect(startVia(proxy, '--access', 'policy')).rejects.toThrow(
      `--access policy: whoever is on the way to ${host()} could let themselves in: use wss:// in place of ws://`,
    );
    expect(agent).toEqual({ kind: 'failed', code: 2 });
    expect(relay.handshakes).toEqual([]);
  },
);

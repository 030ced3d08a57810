// The watch over the policy file: what changes, what does not, and what is said of it.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadPolicySync } from '../../../../../services/relay/policy/file/policy-version.ts';
import {
  POLICY_POLL_MS,
  POLICY_SETTLE_MS,
  type PolicyRead,
  PolicyWatch,
} from '../../../../../services/relay/policy/file/policy-watch.ts';
import { MAX_POLICY_BYTES } from '../../../../../services/relay/policy/file/read-policy.ts';
import { ManualClock } from '../../../../support/time/manual-clock.ts';
import { until } from '../../../../support/time/poll.ts';

const ONE = 'agents: []';
const TWO = 'clients:\n- { name: office, networks: 203.0.113.0/24 }';
const BAD = 'agnts: []\nclients:\n- x';

let folder: string;
let path: string;
let clock: ManualClock;
let lines: { level: string; message: string; [field: string]: unknown }[];
let outcomes: string[];
let stop: () => void;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'converge-policy-'));
  path = join(folder, 'policy.yaml');
  clock = new ManualClock();
  lines = [];
  outcomes = [];
  stop = () => undefined;
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

function watch(): PolicyWatch {
  const options = { audience: undefined, now: 0 };
  const initial = loadPolicySync(path, options);
  if (initial.kind === 'bad') throw new Error(initial.faults.join('\n'));
  const told = (level: string) => (fields: Record<string, unknown>, message: string) => {
    lines.push({ level, message, ...fields });
  };
  const log = { info: told('info'), warn: told('warn'), error: told('error') };
  const recorder = { policyRead: ({ kind }: PolicyRead) => outcomes.push(kind) };
  const watching = new PolicyWatch({ initial, audience: undefined, clock, log, recorder });
  stop = watching.start();
  return watching;
}

/** Resolves when the file has been looked at once more. */
async function glance(afterMs: number): Promise<void> {
  clock.advance(afterMs);
  await until('the next look', () => clock.pending === 1);
}

/** The same, and once more after that, where what was new has settled. */
async function look(): Promise<void> {
  await glance(POLICY_POLL_MS);
  await glance(POLICY_SETTLE_MS);
}

test('a file that stays as it is says one line, however often it is looked at', async () => {
  writeFileSync(path, ONE);
  const watching = watch();
  await look();
  await look();
  expect(lines).toMatchObject([
    {
      level: 'info',
      message: 'policy in force',
      agents: 0,
      clients: 'anybody',
      sha256: watching.file.sha256,
    },
  ]);
  expect(outcomes).toEqual(['loaded']);
});

test('a new version is in force once it has been seen', async () => {
  writeFileSync(path, ONE);
  const watching = watch();
  const before = watching.file.sha256;
  writeFileSync(path, TWO);
  expect(watching.current.agents).toEqual([]);
  await look();
  expect(watching.current).toMatchObject({ agents: undefined, clients: [{ name: 'office' }] });
  expect(watching.file).toEqual({ sha256: expect.not.stringMatching(before), isStale: false });
  expect(lines.at(-1)).toMatchObject({ message: 'policy reloaded', agents: 'anybody', clients: 1 });
  expect(outcomes).toEqual(['loaded', 'loaded']);
});

test('what is there of a file while it is written counts for nothing, however good it is', async () => {
  writeFileSync(path, `${ONE}\n${TWO}`);
  const watching = watch();
  const whole = `${ONE}\n${TWO.replace('/24', '/25')}`;
  for (const part of [ONE, `${ONE}\nclients: []`, `${ONE}\n${TWO.replace('/24', '/2')}`]) {
    writeFileSync(path, part);
    await glance(part === ONE ? POLICY_POLL_MS : POLICY_SETTLE_MS);
    expect(watching.current.clients).toMatchObject([{ networks: ['203.0.113.0/24'] }]);
  }
  writeFileSync(path, whole);
  await glance(POLICY_SETTLE_MS);
  expect(outcomes).toEqual(['loaded']);
  await glance(POLICY_SETTLE_MS);
  expect(watching.current.clients).toMatchObject([{ networks: ['203.0.113.0/25'] }]);
  expect(outcomes).toEqual(['loaded', 'loaded']);
});

test('a version that was there for a moment only is told to nobody', async () => {
  writeFileSync(path, ONE);
  const watching = watch();
  writeFileSync(path, BAD);
  await glance(POLICY_POLL_MS);
  writeFileSync(path, ONE);
  await glance(POLICY_SETTLE_MS);
  expect([watching.file.isStale, outcomes]).toEqual([false, ['loaded']]);
});

test('a version with faults changes nothing, and is told once with all of them; the one before may come back', async () => {
  writeFileSync(path, ONE);
  const watching = watch();
  const { sha256 } = watching.file;
  writeFileSync(path, BAD);
  await look();
  await look();
  expect(watching.current.agents).toEqual([]);
  expect(watching.file).toEqual({ sha256, isStale: true });
  expect(lines.slice(1)).toEqual([
    {
      level: 'error',
      message: 'policy not reloaded: the one before stays',
      file: path,
      inForce: sha256,
      faults: [
        expect.stringMatching(/policy\.yaml:1: "agnts" is no word here/),
        expect.stringMatching(/policy\.yaml:3: a rule of "clients" must be a map/),
      ],
    },
  ]);
  writeFileSync(path, ONE);
  await look();
  expect(watching.file).toEqual({ sha256, isStale: false });
  expect(outcomes).toEqual(['loaded', 'rejected', 'loaded']);
});

test.each([
  ['is gone', () => rmSync(path)],
  ['is empty, as a file is while it is written', () => writeFileSync(path, '')],
  ['is far too big', () => writeFileSync(path, Buffer.alloc(MAX_POLICY_BYTES + 1, 'x'))],
  ['is a folder', () => (rmSync(path), mkdirSync(path))],
])('a file that %s leaves the policy as it is', async (_, spoil) => {
  writeFileSync(path, ONE);
  const watching = watch();
  spoil();
  await look();
  await look();
  expect(watching.current.agents).toEqual([]);
  expect([watching.file.isStale, outcomes]).toEqual([true, ['loaded', 'rejected']]);
});

test('a ConfigMap changes by a link to another folder', async () => {
  const folders = ['v1', 'v2'].map((name) => join(folder, name));
  for (const [index, at] of folders.entries()) {
    mkdirSync(at);
    writeFileSync(join(at, 'policy.yaml'), index === 0 ? ONE : TWO);
  }
  symlinkSync('v1', join(folder, '..data'));
  symlinkSync('..data/policy.yaml', path);
  const watching = watch();
  symlinkSync('v2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await look();
  expect(watching.current.clients).toMatchObject([{ name: 'office' }]);
});

test('after the stop nothing is looked at any more', async () => {
  writeFileSync(path, ONE);
  const watching = watch();
  stop();
  stop();
  writeFileSync(path, TWO);
  clock.advance(10 * POLICY_POLL_MS);
  expect([clock.pending, watching.current.agents]).toEqual([0, []]);
});

test('what is odd is told as a warning', () => {
  writeFileSync(path, 'agents: []\nsso: { issuer: https://login.example.com, client-id: x }');
  watch();
  expect(lines[1]).toMatchObject({
    level: 'warn',
    warning: expect.stringMatching(/policy\.yaml:2: "sso" is there/),
  });
});

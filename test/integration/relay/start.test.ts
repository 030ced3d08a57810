// Every way to start a relay is the same way: with its flags of Node, in the process that was started, or not at all.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NODE_FLAGS } from '#shared/machine/runtime-flags.ts';
import { hostPlatform } from '../../../deploy/build/linux-platform.ts';
import { bundleRelay } from '../../../deploy/build/relay-bundle.ts';
import { pumpPlaces } from '../../../services/relay/pump/pump-addon.ts';
import { type RelayStart, type StartedRelay, startRelayWith } from '../../support/relay/relay-start.ts';

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-start-'));
  script = await bundleRelay(join(folder, 'relay'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('a bundle has the pump under the name of the machine that it is for: one build makes the images of several', async () => {
  const bytes = await readFile(join(dirname(script), `pump-${hostPlatform().name}.node`));
  expect(bytes.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  const url = pathToFileURL(join(dirname(script), 'main.js')).href;
  expect(pumpPlaces(url)[0]).toBe(join(dirname(script), `pump-${hostPlatform().name}.node`));
});

async function started(start: RelayStart = {}): Promise<StartedRelay> {
  const relay = await startRelayWith(script, start);
  if ('code' in relay) throw new Error(`it ended with ${relay.code}: ${relay.errors}`);
  return relay;
}

/** Of a relay that does not start. */
async function endOf(
  start: RelayStart,
): Promise<{ readonly code: number | string; readonly errors: string }> {
  const relay = await startRelayWith(script, start);
  if ('code' in relay) return relay;
  await relay[Symbol.asyncDispose]();
  throw new Error('it listens');
}

/** A module for `--require`. */
async function moduleOf(name: string, source: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, source);
  return path;
}

/** What new objects may take of the heap of a process that made many, in MiB. */
const PROBE = `
  const { appendFileSync } = require('node:fs');
  let kept = [];
  for (let i = 0; i < 2e6; i += 1) {
    const each = { i, list: [i] };
    if (i % 50 === 0) kept.push(each);
    if (kept.length > 2e4) kept = [];
  }
  const { space_size } = require('node:v8').getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  appendFileSync(process.env.PROBED, process.pid + ' ' + space_size / 1024 ** 2 + '\\n');
`;

test('has the flags, in the process that was started, and ends as usual', async () => {
  await using relay = await started();
  expect(await relay.flags()).toEqual(NODE_FLAGS);
  expect((await fetch(`${relay.internalUrl}/readyz`)).status).toBe(200);
  expect(await relay.end()).toBe(0);
  expect(relay.errors()).toBe('');
});

test('ends over a policy with faults, before it listens, with each of them', async () => {
  const file = join(folder, 'policy.yaml');
  await writeFile(file, 'agents:\n- { name: A }\nclients: x\n');
  expect(await endOf({ env: { POLICY_FILE: file, PORT: 'x' } })).toEqual({
    code: 2,
    errors: expect.stringMatching(
      /PORT: must be a port number.*\n.*policy\.yaml:2: .*"A" must be.*\n.*:2: .*proof.*\n.*:2: .*"ids".*\n.*:3: "clients" must be a list/,
    ),
  });
});

test('says what a policy file does, or what is wrong with it, and is no relay then', async () => {
  const file = join(folder, 'policy.yaml');
  await writeFile(file, 'agents: []\n');
  expect(execFileSync(process.execPath, [script, 'policy', file], { encoding: 'utf8' })).toMatch(
    /^agents: nobody\n/,
  );
  await writeFile(file, 'agents: x\n');
  const bad = spawnSync(process.execPath, [script, 'policy', file], { encoding: 'utf8' });
  expect([bad.status, bad.stdout, bad.stderr]).toEqual([
    2,
    '',
    expect.stringMatching(/:1: "agents" must be a list/),
  ]);
});

test('starts once more for them and not a third time, and V8 goes by them', async () => {
  const probed = join(folder, 'probed');
  const probe = await moduleOf('probe.cjs', PROBE);
  await using relay = await started({ flags: ['--require', probe], env: { PROBED: probed } });
  expect(await relay.flags()).toEqual([...NODE_FLAGS, '--require', probe]);
  const lines = (await readFile(probed, 'utf8')).trim().split('\n');
  const [before, after] = lines.map((line) => line.split(' ').map(Number));
  expect(lines).toHaveLength(2);
  expect([before?.[0], after?.[0]]).toEqual([relay.pid, relay.pid]);
  expect(before?.[1]).toBeGreaterThan(8);
  expect(after?.[1]).toBeLessThan(8);
});

test('starts once when they are there', async () => {
  const probed = join(folder, 'probed-once');
  const probe = await moduleOf(
    'probe-once.cjs',
    "require('node:fs').appendFileSync(process.env.PROBED, 'x')",
  );
  await using relay = await started({
    flags: ['--require', probe, ...NODE_FLAGS],
    env: { PROBED: probed },
  });
  expect(await relay.flags()).toEqual(['--require', probe, ...NODE_FLAGS]);
  expect(await readFile(probed, 'utf8')).toBe('x');
});

test("leaves the person's own flags and NODE_OPTIONS as they are", async () => {
  await using relay = await started({
    flags: ['--max-semi-space-size=8', '--max-old-space-size=300'],
    env: { NODE_OPTIONS: '--trace-warnings --max-old-space-size=200' },
  });
  const [, ...others] = NODE_FLAGS;
  expect(await relay.flags()).toEqual([...others, '--max-semi-space-size=8', '--max-old-space-size=300']);
});

test('can be inspected, when it is started for that', async () => {
  await using relay = await started({ flags: ['--inspect=127.0.0.1:0'] });
  const urls = [...relay.errors().matchAll(/ws:\/\/(127\.0\.0\.1:\d+)\/(\S+)/g)];
  const [, address, id] = urls.at(-1) ?? [];
  const targets = (await (await fetch(`http://${address}/json/list`)).json()) as { id: string }[];
  expect(targets.map((target) => target.id)).toEqual([id]);
});

const REFUSAL = /^relay: this is Node \S+, and the relay needs Node 24 or newer: npm start [^\n]+\n$/;

test('refuses an older Node in one line, before it listens', async () => {
  const older = await moduleOf(
    'older.cjs',
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } })",
  );
  expect(await endOf({ flags: ['--require', older] })).toEqual({
    code: 2,
    errors: expect.stringMatching(REFUSAL),
  });
});

test('has nothing but the check in what any Node must be able to read', async () => {
  const text = await staticallyImported(script);
  // esbuild writes above each module where it comes from.
  const modules = [...text.matchAll(/^\/\/ ((?:services|node_modules)\/.*)$/gm)].map(([, path]) => path);
  expect(new Set(modules)).toEqual(
    new Set([
      'services/relay/main.ts',
      'services/relay/runtime.ts',
      'services/shared/machine/runtime-flags.ts',
    ]),
  );
  const node = olderNode();
  console.log(node === undefined ? 'no older Node on this machine' : `an older Node: ${node}`);
  if (node === undefined) return;
  expect(await endOf({ node })).toEqual({ code: 2, errors: expect.stringMatching(REFUSAL) });
});

/** The text of `path` and of all that is loaded before its first line runs. */
async function staticallyImported(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  const imports = [...text.matchAll(/^import\s[^;(]*?"(\.[^"]+)";/gm)].map(([, name = '']) => name);
  const texts = await Promise.all(imports.map((name) => staticallyImported(join(dirname(path), name))));
  return [text, ...texts].join('\n');
}

/** The machine's own Node, where it is one that the relay cannot use. */
function olderNode(): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((each) => join(each, 'node'));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      const version = execFileSync(candidate, ['-p', 'process.versions.node'], { encoding: 'utf8' });
      return Number.parseInt(version, 10) < 24;
    } catch {
      return false;
    }
  });
}

test('names the variables of both ports where both are taken', async () => {
  const [one, other] = await Promise.all([takePort(), takePort()]);
  try {
    const taken = { PORT: String(one.port), INTERNAL_PORT: String(other.port) };
    const line = (port: number, variable: string): string =>
      `relay: cannot listen on 127.0.0.1 port ${port}: another program has it; ${variable} chooses another port\n`;
    expect(await endOf({ env: taken })).toEqual({
      code: 1,
      errors: line(other.port, 'INTERNAL_PORT') + line(one.port, 'PORT'),
    });
  } finally {
    one.server.close();
    other.server.close();
  }
});

test('names the variables of both hosts where neither is of this machine', async () => {
  // RFC 5737: addresses that no machine has.
  const foreign = { HOST: '203.0.113.7', INTERNAL_HOST: '198.51.100.7', PORT: '0', INTERNAL_PORT: '0' };
  const line = (host: string, variable: string): string =>
    `relay: cannot listen on ${host} port 0: this machine has no such address; ${variable} chooses another one\n`;
  expect(await endOf({ env: foreign })).toEqual({
    code: 1,
    errors: line('198.51.100.7', 'INTERNAL_HOST') + line('203.0.113.7', 'HOST'),
  });
});

async function takePort(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

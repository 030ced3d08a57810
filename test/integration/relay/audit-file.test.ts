// The record in a file: moved away, on a full disk, after a kill, and with a relay whose output nobody reads.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { appendFile, mkdtemp, open, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#shared/time/clock.ts';
import { AuditTrail } from '../../../services/relay/audit/audit-trail.ts';
import { FileSink } from '../../../services/relay/audit/file-sink.ts';
import { readAuditFile, readAuditFileSoFar, readAuditLines } from '../../support/audit/audit-file.ts';
import { freePort } from '../../support/network/ports.ts';
import { cleanEnvironment } from '../../support/process/client-program.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { openClient } from '../../support/relay/relay.ts';
import { startRelayWith } from '../../support/relay/relay-start.ts';
import { until } from '../../support/time/poll.ts';

const RELAY = fileURLToPath(new URL('../../../services/relay/main.ts', import.meta.url));

let folder: string;
let path: string;
let failures: string[];
let lost: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-file-'));
  path = join(folder, 'audit.jsonl');
  [failures, lost] = [[], 0];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A trail whose backlog is small. */
function trailTo(file: string, maxBacklogBytes = 4_096): AuditTrail {
  const none = (): void => undefined;
  return new AuditTrail({
    pod: 'pod-a',
    clock: systemClock,
    log: { info: none, warn: none, error: none },
    recorder: {
      auditRecorded: none,
      auditLost(count) {
        lost += count;
      },
      auditFailed: none,
    },
    sink: (events) =>
      new FileSink({
        path: file,
        clock: systemClock,
        maxBacklogBytes,
        events: {
          ...events,
          onFailure(detail) {
            failures.push(detail);
            events.onFailure(detail);
          },
        },
      }),
  });
}

const record = (trail: AuditTrail, epoch: number): void =>
  trail.record({
    event: 'agent_unlinked',
    id: 'job',
    epoch,
    address: '192.0.2.1',
    reason: 'lost',
    seconds: 1,
  });

const epochsIn = async (file: string, read = readAuditFile): Promise<unknown[]> =>
  (await read(file)).filter(({ event }) => event === 'agent_unlinked').map(({ epoch }) => epoch);

test('a file that was moved away gets no more lines after a reopening, and a new one gets them all', async () => {
  const trail = trailTo(path);
  record(trail, 1);
  await until('the first line', async () => (await epochsIn(path, readAuditFileSoFar)).length === 1);
  await rename(path, `${path}.1`);
  trail.reopen();
  await until('a new file', () =>
    readFile(path).then(
      () => true,
      () => false,
    ),
  );
  record(trail, 2);
  await trail.close();
  expect(await epochsIn(`${path}.1`)).toEqual([1]);
  expect(await epochsIn(path)).toEqual([2]);
});

test('it is noticed too where nobody says so', async () => {
  const trail = trailTo(path);
  record(trail, 1);
  await until('the first line', async () => (await epochsIn(path, readAuditFileSoFar)).length === 1);
  await rename(path, `${path}.1`);
  let epoch = 1;
  await until('a new file', async () => {
    epoch += 1;
    record(trail, epoch);
    return (await epochsIn(path, readAuditFileSoFar)).length > 0;
  });
  await trail.close();
  const all = [...(await epochsIn(`${path}.1`)), ...(await epochsIn(path))];
  expect(all).toEqual(Array.from({ length: epoch }, (_, index) => index + 1));
});

test('while the disk is full lines wait, up to a bound; then those that waited are there, and the number of those that are not', async () => {
  await symlink('/dev/full', path);
  const trail = trailTo(path);
  for (let epoch = 1; epoch <= 100; epoch += 1) record(trail, epoch);
  await until('a failure', () => failures.length > 0);
  expect(failures[0]).toContain('ENOSPC');
  expect(trail.waitingBytes).toBeLessThanOrEqual(4_096);
  // Somebody makes room.
  await rm(path);
  const lines = await until('what waited', async () => {
    const there = await readAuditFileSoFar(path);
    return there.some(({ event }) => event === 'audit_lost') && there;
  });
  await trail.close();
  const kept = lines.length - 1;
  expect(lines.slice(0, kept).map(({ epoch }) => epoch)).toEqual(
    Array.from({ length: kept }, (_, index) => index + 1),
  );
  expect(lines.at(-1)).toMatchObject({ event: 'audit_lost', count: 100 - kept });
  expect(lost).toBe(100 - kept);
});

test('a line that went into the file in part before it was moved away is whole in the next one', async () => {
  // A pipe takes 64 KiB, and as much of the next lines as somebody has read.
  await promisify(execFile)('mkfifo', [path]);
  const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const trail = trailTo(path, 1_000_000);
  for (let epoch = 1; epoch <= 600; epoch += 1) record(trail, epoch);
  const isFull = (times: number): Promise<unknown> =>
    until('a full pipe', () => failures.filter((detail) => detail.includes('EAGAIN')).length >= times);
  await isFull(1);
  const early = await reader.read(Buffer.alloc(10_000));
  await isFull(failures.length + 1);
  await rm(path);
  await trail.close();
  const late = await reader.read(Buffer.alloc(200_000));
  await reader.close();
  const parts = [early, late].map(({ buffer, bytesRead }) => buffer.subarray(0, bytesRead));
  const first = Buffer.concat(parts).toString();
  expect(first.endsWith('\n')).toBe(false);
  const whole = readAuditLines(first.slice(0, first.lastIndexOf('\n') + 1));
  const all = [...whole, ...(await readAuditFile(path))].map(({ epoch }) => epoch);
  expect(all).toEqual(Array.from({ length: 600 }, (_, index) => index + 1));
});

test('after half a line of a relay that was killed the next one begins a line of its own', async () => {
  await writeFile(path, '{"audit":true,"v":1,"ti');
  const trail = trailTo(path);
  record(trail, 1);
  await trail.close();
  const [half, rest] = (await readFile(path, 'utf8')).split(/(?<=ti)\n/);
  expect(half).toBe('{"audit":true,"v":1,"ti');
  expect(readAuditLines(rest ?? '')).toMatchObject([{ epoch: 1 }]);
});

test('two relays may share a file: no line is torn', async () => {
  await appendFile(path, '');
  const trails = [trailTo(path, 1_000_000), trailTo(path, 1_000_000)];
  for (let epoch = 1; epoch <= 500; epoch += 1) for (const trail of trails) record(trail, epoch);
  await Promise.all(trails.map((trail) => trail.close()));
  expect(await epochsIn(path)).toHaveLength(1_000);
});

test('a relay opens its file anew on SIGHUP, and what it wrote outlives a kill', async () => {
  const port = await freePort();
  const relay = await startRelayWith(RELAY, { env: { AUDIT_TO: path, PORT: String(port) } });
  if (!('pid' in relay)) throw new Error(relay.errors);
  await using _running = relay;
  await until('the public port', () => openClient(port, 'first').then(({ kind }) => kind === 'refused'));
  await until('the first line', async () => (await readAuditFileSoFar(path)).length === 1);
  await rename(path, `${path}.1`);
  process.kill(relay.pid, 'SIGHUP');
  await until('a new file', () =>
    readFile(path).then(
      () => true,
      () => false,
    ),
  );
  using _agent = await openAgent(port, 'second');
  await until('its line', async () => (await readAuditFileSoFar(path)).length > 0);
  process.kill(relay.pid, 'SIGKILL');
  await until('the end', async () => !(await isUp(relay.internalUrl)));
  expect(await readAuditFile(`${path}.1`)).toMatchObject([{ event: 'refused', id: 'first' }]);
  expect(await readAuditFile(path)).toMatchObject([{ event: 'agent_linked', id: 'second' }]);
});

test('beside the log each line is one of the two, and a relay whose output nobody reads goes on', async () => {
  const child = spawn(process.execPath, [RELAY], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...cleanEnvironment(), HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0', AUDIT_TO: 'stdout' },
  });
  const exit = once(child, 'close');
  const ports = new Map<string, number>();
  const seen: Record<string, unknown>[] = [];
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as Record<string, unknown>;
    seen.push(line);
    if (typeof line['port'] === 'number') ports.set(String(line['listener']), line['port']);
  });
  const port = await until('the public port', () => ports.get('public'));
  await openClient(port, 'nobody');
  const lines = await until('both lines', () => {
    const audited = seen.filter(({ audit }) => audit === true);
    return audited.length > 0 && seen.some(({ msg }) => msg === 'request refused') && audited;
  });
  expect(readAuditLines(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))).toMatchObject([
    { event: 'refused', id: 'nobody' },
  ]);
  for (const line of seen) expect('audit' in line).toBe(!('msg' in line));
  child.stdout.destroy();
  await openClient(port, 'nobody');
  const metrics = await fetch(`http://127.0.0.1:${ports.get('internal')}/metrics`);
  expect(await metrics.text()).toContain('converge_audit_events_total{event="refused"} 2');
  child.kill('SIGKILL');
  await exit;
});

async function isUp(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  );
}

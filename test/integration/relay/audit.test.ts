// The record of a relay with a real agent and the real ssh: what is in it, what is not, and that nobody can forge it.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RecordChain } from '../../../services/agent/audit/record-chain.ts';
import { generateHostKey } from '../../../services/agent/ssh/keys/host-key.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';
import {
  jobRecordsOf,
  type Line,
  readAuditFile,
  readAuditFileSoFar,
  verifyByScript,
} from '../../support/audit/audit-file.ts';
import { holdFolder } from '../../support/machine/held-folder.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { AGENT_PROGRAM, startAgentProcess } from '../../support/process/agent-program.ts';
import { openAgent, openAgentStream, socketOf } from '../../support/relay/fake-agent.ts';
import { openClient, type RunningRelay, startRelay } from '../../support/relay/relay.ts';
import { makeKeyFile } from '../../support/ssh/key-file.ts';
import { sshKeygen } from '../../support/ssh/ssh-keygen.ts';
import { until } from '../../support/time/poll.ts';

const WSPROXY = fileURLToPath(new URL('../../../services/clients/wsproxy/main.ts', import.meta.url));

/** In everything that a person says, sees, names or passes on. */
const SECRET = 'hunter2';

let folder: string;
let relay: RunningRelay;
let file: string;
let fingerprint: string;
let lines: readonly Line[];
let records: readonly Line[];
let jobLog: string;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
}

/** Runs `ssh`, `sftp` or `scp` through the relay, to its end. */
function call(
  program: 'ssh' | 'sftp',
  { key = 'key', args, input = '' }: { key?: string; args: readonly string[]; input?: string },
): Promise<Outcome> {
  const url = `ws://127.0.0.1:${relay.port}/client/job`;
  const options = {
    ProxyCommand: `${process.execPath} ${WSPROXY} ${url}`,
    StrictHostKeyChecking: 'no',
    UserKnownHostsFile: '/dev/null',
    LogLevel: 'ERROR',
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
    IdentityFile: join(folder, key),
  };
  const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = execFile(
    program,
    ['-F', '/dev/null', ...words, ...args],
    { cwd: folder },
    (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout });
    },
  );
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  return promise;
}

const starts = (what: string): Line[] =>
  records.filter((record) => record['event'] === 'program_started' && record['what'] === what);
const endOf = (start: Line | undefined): Line | undefined =>
  records.find(
    (record) =>
      record['event'] === 'program_ended' &&
      record['connection'] === start?.['connection'] &&
      record['channel'] === start?.['channel'],
  );

beforeAll(async () => {
  await ensureCommands(['ssh', 'sftp', 'ssh-keygen']);
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  file = join(folder, 'audit.jsonl');
  await Promise.all([makeKeyFile(join(folder, 'key')), makeKeyFile(join(folder, 'stranger'))]);
  // It outlives its clients.
  await holdFolder(folder);
  relay = await startRelay({ env: { AUDIT_TO: `file:${file}` } });
  const url = `ws://127.0.0.1:${relay.port}/agent/job`;
  const args = ['--authorized-keys', 'key.pub', '--audit-paths', '--timeout', '5m', url];
  const agent = startAgentProcess(AGENT_PROGRAM, args, { cwd: folder, env: { TOKEN: SECRET } });
  await until('the card', () => agent.output().includes('this job is open for SSH'));

  const target = createServer((socket) => socket.end(`${SECRET} from the port\n`));
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port } = target.address() as AddressInfo;

  // A command with a variable, a path and an argument; what it reads and says is exact.
  const input = `${SECRET}\n`.repeat(1_000);
  const command = `NAME=${SECRET} ../../${folder}/../../bin/cat - # ${SECRET}`;
  expect(await call('ssh', { args: ['abc@job', command], input })).toEqual({ code: 0, stdout: input });
  expect((await call('ssh', { args: ['abc@job', `sh -c 'echo ${SECRET}; exit 7'`] })).code).toBe(7);
  await call('ssh', { args: ['abc@job', `kill -TERM $$ ${SECRET}`] });
  await call('ssh', { args: ['-tt', 'abc@job'], input: `echo ${SECRET}\nexit 3\n` });
  await call('ssh', { args: ['-W', `127.0.0.1:${port}`, 'abc@job'] });
  await writeFile(join(folder, 'upload'), SECRET.repeat(100));
  await call('sftp', {
    args: ['-b', '-', 'abc@job'],
    input: 'put upload uploaded\nrename uploaded renamed\n',
  });
  await call('ssh', { key: 'stranger', args: ['abc@job', 'true'] });
  await openClient(relay.port, 'nobody');
  target.close();

  agent.child.kill('SIGTERM');
  expect(await agent.ended).toBe(0);
  jobLog = agent.output();
  fingerprint = /#(SHA256:[A-Za-z0-9+/]{43})/.exec(jobLog)?.[1] ?? '';
  await relay.relay.stop();
  lines = await readAuditFile(file);
  records = jobRecordsOf(lines);
}, 240_000);

afterAll(async () => {
  await relay.relay.stop();
  await rm(folder, { recursive: true, force: true });
});

test('nothing of what a person typed, saw, passed on or sent is in it, nor in the job log', async () => {
  expect(await readFile(file, 'utf8')).not.toContain(SECRET);
  expect(jobLog).not.toContain(SECRET);
});

test('only the account of the relay may read it', async () => {
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('agents and sessions are in it from their beginning to their end', () => {
  expect(lines[0]).toMatchObject({ event: 'agent_linked', id: 'job', isFirst: true, pod: 'pod-test' });
  expect(lines.filter(({ event }) => event === 'agent_unlinked')).toMatchObject([
    { id: 'job', reason: 'ended' },
  ]);
  const begun = lines.filter(({ event }) => event === 'session_started');
  const ended = lines.filter(({ event }) => event === 'session_ended');
  expect(begun).toHaveLength(7);
  const handlesOf = (some: readonly Line[]) => new Set(some.map(({ session }) => session));
  expect(ended).toHaveLength(7);
  expect(handlesOf(ended)).toEqual(handlesOf(begun));
  expect(handlesOf(begun).size).toBe(7);
  expect(new Set(begun.map(({ client }) => client))).toEqual(new Set(['127.0.0.1']));
});

test('who was refused by the relay is in it, and why', () => {
  expect(lines.filter(({ event }) => event === 'refused')).toMatchObject([
    { role: 'client', id: 'nobody', code: 'agent_not_found', address: '127.0.0.1' },
  ]);
});

test('who logged in, by which key, and who did not', async () => {
  const { said } = await sshKeygen(['-lf', join(folder, 'key.pub')]);
  const stranger = await sshKeygen(['-lf', join(folder, 'stranger.pub')]);
  const logins = records.filter(({ event }) => event === 'login');
  expect(logins).toHaveLength(6);
  for (const login of logins)
    expect(login).toMatchObject({
      user: 'abc',
      method: 'key',
      key: said.split(' ')[1],
      address: '127.0.0.1',
    });
  expect(records.filter(({ event }) => event === 'logout')).toHaveLength(6);
  const refused = records.filter(({ event }) => event === 'login_refused');
  expect(refused).toMatchObject([
    { user: 'abc', why: expect.stringContaining(stranger.said.split(' ')[1] ?? '') as unknown },
  ]);
});

test('commands by their names, with how they ended and how much they read and wrote', () => {
  const [cat, sh, kill] = starts('command');
  expect([cat?.['command'], sh?.['command'], kill?.['command']]).toEqual(['cat', 'sh', 'kill']);
  const bytes = 1_000 * (SECRET.length + 1);
  expect(endOf(cat)).toMatchObject({ exit: 0, bytes: { received: bytes, sent: bytes } });
  expect(endOf(sh)).toMatchObject({ exit: 7, bytes: { received: 0, sent: SECRET.length + 1 } });
  expect(endOf(kill)).toMatchObject({ signal: 'TERM' });
  const [shell] = starts('shell');
  expect(shell).toMatchObject({ terminal: true });
  expect(endOf(shell)).toMatchObject({ exit: 3 });
});

test('forwards with their targets, files with their paths', () => {
  expect(records.filter(({ event }) => event === 'forward')).toMatchObject([
    { direction: 'local', isAllowed: true, target: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as unknown },
  ]);
  const [sftp] = starts('sftp');
  expect(endOf(sftp)).toMatchObject({ exit: 0, bytes: { received: 100 * SECRET.length, sent: 0 } });
  const files = records.filter(({ event }) => event === 'file');
  expect(files.map(({ request, path }) => [request, path])).toEqual(
    expect.arrayContaining([
      ['open', join(folder, 'uploaded')],
      ['rename', `${join(folder, 'uploaded')} -> ${join(folder, 'renamed')}`],
    ]),
  );
});

test('people in the job log read that there is a record', () => {
  expect(jobLog).toContain('this relay keeps a record of who is in the job');
});

describe('the script of the page', () => {
  test('finds the whole chain good, and prints it', async () => {
    const verdict = await verifyByScript(folder, fingerprint, [file]);
    expect(verdict).toMatchObject({ code: 0, errors: '' });
    expect(verdict.texts.map((text) => JSON.parse(text) as Line)).toEqual(records);
    expect(records[0]).toMatchObject({ event: 'job_opened', hostKey: fingerprint });
    expect(records.at(-1)).toMatchObject({ event: 'job_closed', reason: 'signal' });
  });

  test('puts two pods together, and takes a record twice for one', async () => {
    const all = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const half = Math.floor(all.length / 2);
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    await writeFile(one, `${all.slice(half - 2).join('\n')}\n`);
    await writeFile(two, `${all.slice(0, half).join('\n')}\n`);
    const verdict = await verifyByScript(folder, fingerprint, [one, two]);
    expect(verdict).toMatchObject({ code: 0, errors: '' });
    expect(verdict.texts).toHaveLength(records.length);
  });

  test.each<[string, (jobs: Record<string, string>[]) => Record<string, string>[], RegExp]>([
    [
      'changes a word',
      ([first = {}, ...rest]) => [
        { ...first, text: String(first['text']).replace('"paths":true', '"paths":false') },
        ...rest,
      ],
      /1 records name this key and are not signed by it[^]*record 1 is missing/,
    ],
    ['leaves out one', (jobs) => jobs.toSpliced(3, 1), /record 4 is missing/],
    ['leaves out the first', (jobs) => jobs.slice(1), /record 1 is missing/],
    [
      'gives two one number',
      (jobs) => jobs.toSpliced(3, 1, { ...jobs[3], text: String(jobs[4]?.['text']) }),
      /record 4 is missing/,
    ],
    ['says that all is by a key of its own', () => [forgedAfter([])], /no record of the host key/],
  ])('a relay that %s is found out', async (_lie, change, said) => {
    const jobs = lines.filter(({ event }) => event === 'job') as Record<string, string>[];
    const forged = join(folder, 'forged');
    await writeFile(
      forged,
      change(jobs)
        .map((job) => `${JSON.stringify(job)}\n`)
        .join(''),
    );
    const verdict = await verifyByScript(folder, fingerprint, [forged]);
    expect(verdict.code).toBe(1);
    expect(verdict.errors).toMatch(said);
  });

  test('what somebody else says in the name of the key is left out, and spoils nothing', async () => {
    const jobs = lines.filter(({ event }) => event === 'job') as Record<string, string>[];
    const spoilt = join(folder, 'spoilt');
    // Of the same numbers and of none: a stranger's agent may send these to the same relay.
    const texts = [
      ...jobs.slice(0, 2).map(({ text = '' }) => text.replace('"v":1', '"v":2')),
      '{}',
      '{"seq":"x"}',
    ];
    const strange = texts.map((text) => ({ ...jobs[0], id: 'stranger', text }));
    const other = { ...jobs[0], id: 'stranger', hostKey: 'AAAA' };
    const all = [...strange, other, ...jobs, forgedAfter(jobs)];
    await writeFile(spoilt, all.map((job) => `${JSON.stringify(job)}\n`).join(''));
    const verdict = await verifyByScript(folder, fingerprint, [spoilt]);
    expect(verdict).toMatchObject({
      code: 0,
      errors: 'verify: 5 records name this key and are not signed by it: they are left out\n',
    });
    expect(verdict.texts.map((text) => JSON.parse(text) as Line)).toEqual(records);
  });

  test('a relay that keeps back the end is not taken for one that has all', async () => {
    const jobs = lines.filter(({ event }) => event === 'job');
    const cut = join(folder, 'cut');
    await writeFile(
      cut,
      jobs
        .slice(0, -1)
        .map((job) => `${JSON.stringify(job)}\n`)
        .join(''),
    );
    const verdict = await verifyByScript(folder, fingerprint, [cut]);
    expect(verdict.errors).toContain('the end is not here');
  });
});

test('the bytes of a session are those that went through it', async () => {
  const path = join(folder, 'exact.jsonl');
  await using other = await startRelay({ env: { AUDIT_TO: path } });
  using agent = await openAgent(other.port, 'exact');
  const opening = openClient(other.port, 'exact');
  const { ticket } = await agent.dial();
  const stream = socketOf(await openAgentStream(other.port, 'exact', ticket));
  const client = socketOf(await opening);
  for (const socket of [stream, client]) socket.resume();
  client.send(Buffer.alloc(70_001));
  stream.send(Buffer.alloc(1_234));
  const got = { atAgent: 0, atClient: 0 };
  stream.on('message', (data: Buffer) => {
    got.atAgent += data.length;
  });
  client.on('message', (data: Buffer) => {
    got.atClient += data.length;
  });
  await until('all that was sent', () => got.atAgent === 70_001 && got.atClient === 1_234);
  client.close(1000);
  const ended = await until('the end', async () =>
    (await readAuditFileSoFar(path)).find(({ event }) => event === 'session_ended'),
  );
  expect(ended).toMatchObject({ by: 'client', reason: 'ended', bytes: { toAgent: 70_001, toClient: 1_234 } });
});

test('the policy that is in force is in it, with the names of its rules', async () => {
  const path = join(folder, 'policy.jsonl');
  const policy = join(folder, 'policy.yaml');
  await writeFile(policy, 'agents: []\nclients:\n  - { name: office, networks: [127.0.0.0/8] }\n');
  {
    await using _other = await startRelay({ env: { AUDIT_TO: path, POLICY_FILE: policy } });
    await until('a line', async () => (await readAuditFileSoFar(path)).length > 0);
  }
  expect(await readAuditFile(path)).toMatchObject([
    { event: 'policy_loaded', rules: ['office'], sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
  ]);
});

/** A record as good as the agent's, by another key; with the agent's key it would be a forgery. */
function forgedAfter(jobs: readonly Record<string, string>[]): Record<string, string> {
  const chain = new RecordChain({ id: 'job', signer: generateHostKey(), clock: systemClock });
  const { text, signature, hostKey } = chain.add({ event: 'job_closed', reason: 'signal' });
  const last = jobs.at(-1);
  const prev = createHash('sha256').update(String(last?.['text'])).digest('base64url');
  const linked = JSON.stringify({ ...(JSON.parse(text) as Line), seq: jobs.length + 1, prev });
  const claimed = last === undefined ? { text, hostKey } : { text: linked, hostKey: String(last['hostKey']) };
  return { ...head(), ...claimed, signature };
}

function head(): Record<string, string> {
  const job = lines.find(({ event }) => event === 'job');
  return { ...(job as Record<string, string>) };
}

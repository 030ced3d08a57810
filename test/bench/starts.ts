// Starts: what the launcher costs, beside the program that it starts, run by itself; in time, in memory and in the download.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIST, PLATFORM, WORKSHOP } from '../../deploy/build/source-tree.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { endedChildrenSeconds, residentBytes } from './usage.ts';

/** Each round starts each kind so often: CPU time is counted in ticks of 10 ms. */
const STARTS_A_ROUND = 10;
const MS_PER_SECOND = 1_000;
/** After the agent has said that it is there. */
const SETTLE_MS = 2_000;

const MB = 1e6;
const KIB = 1024;

const NAMES = ['agent', 'wsproxy', 'tcptows'] as const;
const PACKED = join(DIST, 'bin', `agent-${PLATFORM}`);
/** The same executable, as the launcher unpacks it. */
const RAW = join(WORKSHOP, `agent-${PLATFORM}`);

/** As it is unpacked: what comes in one write is kept in one piece, and counts as resident whole. */
const PIECE_BYTES = 64 * KIB;

async function copyInPieces(from: string, to: string): Promise<void> {
  await pipeline(
    createReadStream(from, { highWaterMark: PIECE_BYTES }),
    createWriteStream(to, { mode: 0o755, highWaterMark: PIECE_BYTES }),
  );
}

/** How a program is started: the command, and the environment. */
interface Kind {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** No folder will do there. */
  readonly isFolderless?: boolean;
}

/** Mounts of its own, in which nothing can be put into any folder that the launcher tries; then waits for a line. */
const FOLDERLESS = `
for place in /tmp /var/tmp /dev/shm /run; do mount -t tmpfs -o noexec none "$place"; done
echo ready; read -r line; exec "$0" "$@"`;
const WAITING = 'echo ready; read -r line; exec "$0" "$@"';

/** A shell that becomes the program once it is told to: what comes before is not measured. */
async function waiting({ program, env, isFolderless = false }: Kind, args: readonly string[], cwd: string) {
  const shell = isFolderless ? ['unshare', '-m', 'sh', '-ec', FOLDERLESS] : ['sh', '-ec', WAITING];
  const child = spawn(shell[0] ?? '', [...shell.slice(1), program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** From the start to the end of `--version`, in milliseconds. */
async function timeStart(kind: Kind): Promise<number> {
  const child = await waiting(kind, ['--version'], '/');
  child.stdout.resume();
  const began = performance.now();
  child.stdin.end('\n');
  const [code] = (await once(child, 'exit')) as [number | null];
  const milliseconds = performance.now() - began;
  if (code !== 0) throw new Error(`${basename(kind.program)} --version ended with ${code}`);
  return milliseconds;
}

/** Starts it some times; `tell` hears how long each took. What one costs in CPU time, in milliseconds. */
async function startOften(kind: Kind, tell: (milliseconds: number) => void): Promise<number> {
  const before = await endedChildrenSeconds();
  for (let turn = 0; turn < STARTS_A_ROUND; turn += 1) tell(await timeStart(kind));
  return (((await endedChildrenSeconds()) - before) * MS_PER_SECOND) / STARTS_A_ROUND;
}

/** Resident memory of an agent in which nobody is, in bytes. */
async function memoryOf(kind: Kind, wsUrl: string, cwd: string): Promise<number> {
  const env = { ...kind.env, CONVERGE_PASSWORD: 'of-the-bench-and-nothing-else' };
  const child = await waiting({ ...kind, env }, [`${wsUrl}/agent`], cwd);
  try {
    const { promise: isOpen, resolve } = Promise.withResolvers<void>();
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('open for SSH')) resolve();
    });
    child.stdin.end('\n');
    const over = once(child, 'exit').then(() => Promise.reject(new Error(`the agent ended: ${said}`)));
    await Promise.race([isOpen, over]);
    over.catch(() => undefined);
    await sleep(SETTLE_MS);
    return await residentBytes(child.pid ?? 0);
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
}

/** What a plain download brings, in bytes. */
async function downloadBytes(url: string): Promise<number> {
  const [answer] = (await once(get(url, { headers: { 'Accept-Encoding': 'identity' } }), 'response')) as [
    IncomingMessage,
  ];
  let bytes = 0;
  for await (const chunk of answer) bytes += (chunk as Buffer).length;
  if (answer.statusCode !== 200) throw new Error(`${url}: HTTP ${answer.statusCode}`);
  return bytes;
}

export async function measureStarts({ figures, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'converge-bench-start-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const addons = (await readdir(join(DIST, 'native'))).map((name) => `${name}=${join(DIST, 'native', name)}`);
  const plain = join(home, basename(RAW));
  await copyInPieces(RAW, plain);
  const raw: Kind = { program: plain, env: { HOME: home, CONVERGE_ADDONS: addons.join(':') } };
  const packed: Kind = { program: PACKED, env: { HOME: home } };
  const memory: Kind = { program: PACKED, env: {}, isFolderless: true };
  const hasRoot = process.getuid?.() === 0;

  for (let round = 0; round < rounds; round += 1) {
    await rm(join(home, '.cache'), { recursive: true, force: true });
    const first = await timeStart(packed);
    const alone = await startOften(raw, (milliseconds) => figures.add('start.raw', 'ms', milliseconds));
    const second = await startOften(packed, (milliseconds) =>
      figures.add('start.second', 'ms', milliseconds),
    );
    figures.add('start.raw.cpu', 'ms', alone);
    figures.add('start.second.cpu', 'ms', second);
    figures.add('start.second.ratio', 'ratio', second / alone);
    figures.add('start.first', 'ms', first);
    if (hasRoot) figures.add('start.memory_files', 'ms', await timeStart(memory));
  }

  const pod = stack.use(await startPod('bench-start'));
  say('resident memory of idle agents');
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, kind] of Object.entries({
      raw,
      second: packed,
      ...(hasRoot ? { memory_files: memory } : {}),
    }))
      figures.add(`resident.${name}`, 'KiB', (await memoryOf(kind, pod.wsUrl, home)) / KIB);
  }
  const url = pod.wsUrl.replace('ws:', 'http:');
  for (const name of NAMES)
    figures.add(`download.${name}`, 'MB', (await downloadBytes(`${url}/docs/${name}`)) / MB);
}

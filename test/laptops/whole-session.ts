// A whole session with built programs, on whatever system this runs: `node test/laptops/whole-session.ts` needs Node and ssh alone.
//
// A relay, an agent and wsproxy from dist/, and the system's own ssh and sftp: a command, its exit code, a terminal, Ctrl-C, files,
// `converge status`, `.hold`, and an agent that ends with 0. What is wrong is said in a line, with what the programs said.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long one step may take. The first start of a program on a Mac is looked at by the system. */
const STEP_TIMEOUT_MS = Number(process.env['STEP_TIMEOUT_MS'] ?? 60_000);
const FILE_BYTES = 3_000_000;
/** Of the program on the terminal, and of the command. */
const CODES = { terminal: 3, command: 7 } as const;

const DIST = join(dirname(fileURLToPath(import.meta.url)), '../../dist');
const SYSTEM = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
const EXTENSION = process.platform === 'win32' ? '.exe' : '';

/** Other programs than those of dist/bin: `AGENT=FILE`. */
const [AGENT, WSPROXY] = ['agent', 'wsproxy'].map(
  (name) => process.env[name.toUpperCase()] ?? join(DIST, 'bin', `${name}-${SYSTEM}${EXTENSION}`),
) as [string, string];

/** Runs in the job, on a terminal. */
const TERMINAL_PROGRAM = `
console.log('a terminal: ' + (process.stdin.isTTY === true && process.stdout.isTTY === true));
process.stdin.once('data', (line) => console.log('read: ' + String(line).trim()));
process.once('SIGINT', () => { console.log('interrupted'); process.exit(${CODES.terminal}); });
setInterval(() => {}, 1000);
`;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs, and what it has said so far. */
class Running {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  stdout = '';
  stderr = '';
  #hasEnded = false;
  #look: () => void = () => {};

  constructor(
    name: string,
    file: string,
    args: readonly string[],
    options: { cwd: string; env?: NodeJS.ProcessEnv },
  ) {
    this.name = name;
    this.child = spawn(file, args, { ...options, stdio: 'pipe' });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#look();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#look();
    });
    this.child.stdin?.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.stderr += `${error.message}\n`;
      });
      this.child.on('close', (code) => {
        this.#hasEnded = true;
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
        this.#look();
      });
    });
  }

  /** Waits for words of its. */
  async see(pattern: RegExp): Promise<RegExpExecArray> {
    return await within(`${this.name} says ${pattern}`, (found, never) => {
      this.#look = () => {
        const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (match !== null) found(match);
        else if (this.#hasEnded) never();
      };
      this.#look();
    });
  }

  type(text: string): void {
    this.child.stdin?.write(text);
  }
}

const running: Running[] = [];

function start(name: string, file: string, args: readonly string[], cwd: string, env = process.env): Running {
  const started = new Running(name, file, args, { cwd, env });
  running.push(started);
  return started;
}

async function run(name: string, file: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const started = start(name, file, args, cwd);
  started.child.stdin?.end();
  return await within(`${name} ends`, (found) => void started.ended.then(found));
}

/** `begin` is given what to call when it is so, and when it cannot be so any more. */
async function within<T>(
  what: string,
  begin: (found: (value: T) => void, never: () => void) => void,
): Promise<T> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`in ${STEP_TIMEOUT_MS} ms it was not so that ${what}`)),
      STEP_TIMEOUT_MS,
    );
    begin(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      () => {
        clearTimeout(timer);
        reject(new Error(`it was not so that ${what}, and it has ended`));
      },
    );
  });
}

function check(what: string, isSo: boolean, found: unknown): void {
  if (!isSo) throw new Error(`${what}: not so, but ${JSON.stringify(found)}`);
  console.log(`ok  ${what}`);
}

async function startRelay(cwd: string): Promise<string> {
  const env = { ...process.env, HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0' };
  const relay = start('relay', process.execPath, [join(DIST, 'relay/main.js'), '--hints'], cwd, env);
  const [, url = ''] = await relay.see(/^Converge relay at http(\S+)/m);
  return `ws${url}`;
}

async function session(folder: string): Promise<void> {
  const [job, laptop] = [join(folder, 'job'), join(folder, 'laptop')];
  await Promise.all([job, laptop].map((path) => mkdir(path)));
  const key = join(laptop, 'key');
  const made = await run('ssh-keygen', 'ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], laptop);
  check('ssh-keygen makes a key', made.code === 0, made);
  await writeFile(join(job, '.hold'), '');
  // An older one than the agent does not hold it, and on a machine that has never run it a start takes its time.
  const ahead = Date.now() / 1_000 + 120;
  await utimes(join(job, '.hold'), ahead, ahead);
  await writeFile(join(job, 'terminal.mjs'), TERMINAL_PROGRAM);

  const relay = await startRelay(folder);
  const keys = ['--authorized-keys', `${key}.pub`];
  const agent = start('agent', AGENT, [...keys, `${relay}/agent/whole-session`], job);
  const [, url = ''] = await agent.see(/wsproxy ssh "?(wss?:[^\s"]+)/);
  console.log(`ok  ${AGENT} is there: ${url}`);

  const options = ['-F', 'none', '-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'];
  const tool = async (name: string, ...words: string[]): Promise<Outcome> =>
    await run(`wsproxy ${name} ${words.join(' ')}`, WSPROXY, [name, url, ...options, ...words], laptop);

  // One word: PowerShell would give each a line of its own.
  const echoed = await tool('ssh', 'echo hello');
  check('a command runs, and says what it says', /^hello\r?\n$/.test(echoed.stdout), echoed);
  const left = await tool('ssh', `exit ${CODES.command}`);
  check('its exit code arrives', left.code === CODES.command, left);

  const terminal = start(
    'wsproxy ssh -tt',
    WSPROXY,
    ['ssh', url, ...options, '-tt', `${nodeInJob()} terminal.mjs`],
    laptop,
  );
  await terminal.see(/a terminal: true/);
  terminal.type('some words\r');
  await terminal.see(/read: some words/);
  terminal.type('\x03');
  await terminal.see(/interrupted/);
  const { code } = await within<Outcome>('the terminal closes', (found) => void terminal.ended.then(found));
  check('a program on a terminal reads keys and Ctrl-C, and its exit code arrives', code === CODES.terminal, {
    code,
    stdout: terminal.stdout,
    stderr: terminal.stderr,
  });

  const bytes = randomBytes(FILE_BYTES);
  await writeFile(join(laptop, 'there.bin'), bytes);
  await writeFile(
    join(laptop, 'batch'),
    'put there.bin in-the-job.bin\nget in-the-job.bin back.bin\nls -l\n',
  );
  const moved = await tool('sftp', '-b', 'batch');
  check('sftp ends with 0', moved.code === 0, moved);
  check('a file is in the job as it was', bytes.equals(await readFile(join(job, 'in-the-job.bin'))), moved);
  check('and back', bytes.equals(await readFile(join(laptop, 'back.bin'))), moved);

  const status = await tool('ssh', 'converge status');
  check('converge status knows of the hold', status.code === 0 && /hold/i.test(status.stdout), status);
  check('the agent has outlived its sessions', agent.child.exitCode === null, agent.stdout);
  await writeFile(join(laptop, 'batch'), 'rm .hold\n');
  const released = await tool('sftp', '-b', 'batch');
  check('.hold is removed by sftp', released.code === 0, released);
  const end = await within<Outcome>('the agent ends', (found) => void agent.ended.then(found));
  check('the agent ends with 0 when the last client has gone', end.code === 0, end);
}

/** This very Node, where a shell takes its path as one word. */
function nodeInJob(): string {
  return /^[\w\\/:.-]+$/.test(process.execPath) ? process.execPath : 'node';
}

const folder = await mkdtemp(join(tmpdir(), 'converge-whole-'));
try {
  await session(folder);
  console.log(`all is well on ${SYSTEM}`);
} catch (error) {
  console.error(`not ok  ${(error as Error).message}`);
  for (const { name, stdout, stderr } of running) console.error(`--- ${name}\n${stdout}${stderr}`);
  process.exitCode = 1;
} finally {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

// The contract of a platform: what Linux and Windows have to do alike, asked without a test runner, which Wine's Node cannot load.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemPath } from '../../services/agent/platform/job-files.ts';
import type { Platform } from '../../services/agent/platform/platform.ts';
import type { ProcessEnd } from '../../services/agent/platform/process-end.ts';
import type { PipedProcess } from '../../services/agent/platform/programs.ts';

/** How long a process may take to be gone. Nobody tells of those that others have started. */
const GONE_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;

export interface PlatformCase {
  readonly platform: Platform;
  /** An empty folder of this rule alone, as the system has it. */
  readonly folder: string;
}

export interface PlatformRule {
  readonly name: string;
  readonly check: (subject: PlatformCase) => Promise<void>;
}

/** Says what it was given, copies its input, and ends with 7. */
const TALKER = `
  const say = (words) => process.stdout.write(JSON.stringify(words) + '\\n');
  say(process.argv.slice(2));
  say([process.env.OWN, process.cwd()]);
  process.stderr.write('error ü\\n');
  process.stdin.on('end', () => process.exitCode = 7).pipe(process.stdout);
`;

/** Starts another one like itself, says both their pids, and stays. */
const PARENT = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  process.stdout.write(process.pid + ' ' + child.pid + '\\n');
  setInterval(() => {}, 1000);
`;

interface Started {
  readonly program: PipedProcess;
  readonly end: Promise<ProcessEnd>;
}

/** Runs `command` in the shell for commands. */
function run(
  { platform, folder }: PlatformCase,
  command: string,
  more: Record<string, string> = {},
): Started {
  const { shell, commandShell = shell } = platform.shells.choose(undefined, process.env);
  const env = new Map(
    Object.entries({ ...process.env, ...more }).map(([name, value]) => [name, value ?? '']),
  );
  const argv = platform.shells.argumentsFor(commandShell, Buffer.from(command), false);
  const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
  const program = platform.programs.startPiped({ file: commandShell, argv, env, cwd: folder }, resolve);
  return { program, end: promise };
}

async function scriptIn(folder: string, content: string): Promise<string> {
  const file = join(folder, 'a script.cjs');
  await writeFile(file, content);
  return `"${process.execPath}" "${file}"`;
}

async function gone(pid: number): Promise<void> {
  for (let waited = 0; waited < GONE_WITHIN_MS; waited += LOOK_EVERY_MS) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`${pid} is still there`);
}

async function pidsOf({ stdout }: PipedProcess): Promise<number[]> {
  const [chunk] = (await once(stdout, 'data')) as [Buffer];
  return chunk.toString().trim().split(' ').map(Number);
}

async function namesIn(platform: Platform, path: SystemPath): Promise<string[]> {
  const directory = await platform.files.openDirectory(path, 2);
  const names: string[] = [];
  for (let name = await directory.read(); name !== undefined; name = await directory.read())
    names.push(String(name));
  await directory.close();
  return names.toSorted();
}

async function answers(address: string): Promise<string> {
  const server = createServer((socket) => socket.end('here'));
  server.listen(address);
  await once(server, 'listening');
  const said = await text(connect(address));
  server.close();
  return said;
}

/** Says its words and where it is, what it could read, and stays. */
const STAYER = `
  const { readFileSync } = require('node:fs');
  process.stderr.write('error ü\\n');
  const said = [process.argv.slice(2), process.env.OWN, process.cwd(), readFileSync(0, 'utf8')];
  process.stdout.write(JSON.stringify(said) + '\\n');
  process.stdout.on('error', () => {});
  setInterval(() => process.stdout.write('.'), 20);
`;

export const PLATFORM_RULES: readonly PlatformRule[] = [
  {
    name: 'a detached program gets words and variables, has nothing to read, and goes on when nobody listens',
    async check({ platform: { programs }, folder }) {
      const script = join(folder, 'a script.cjs');
      await writeFile(script, STAYER);
      const errors = openSync(join(folder, 'errors'), 'w');
      const { promise: ended, resolve } = Promise.withResolvers<ProcessEnd>();
      const env = new Map(
        Object.entries({ ...process.env, OWN: 'grün' }).map(([name, value]) => [name, value ?? '']),
      );
      const argv = programs.argumentsFrom([process.execPath, script, 'a b', 'c']);
      const detached = programs.startDetached(
        { file: process.execPath, argv, env, cwd: folder, errors },
        resolve,
      );
      closeSync(errors);
      const { pid, output } = detached;
      const [chunk] = (await once(output, 'data')) as [Buffer];
      assert.deepEqual(JSON.parse(chunk.toString().split('\n')[0] ?? ''), [['a b', 'c'], 'grün', folder, '']);
      assert.equal(await readFile(join(folder, 'errors'), 'utf8'), 'error ü\n');
      output.destroy();
      await sleep(10 * LOOK_EVERY_MS);
      process.kill(pid, 0);
      detached.kill('SIGKILL');
      assert.notDeepEqual(await ended, { kind: 'code', code: 0 });
    },
  },
  {
    name: 'a command gets words, variables, a directory and input, and gives two outputs and a code',
    async check(subject) {
      const { program, end } = run(subject, `${await scriptIn(subject.folder, TALKER)} "a b" c`, {
        OWN: 'grün',
      });
      program.stdin.end('in ü\n');
      const [output, errors] = await Promise.all([text(program.stdout), text(program.stderr)]);
      const said = output.split('\n');
      assert.deepEqual(
        said.slice(0, 2).map((line) => JSON.parse(line)),
        [
          ['a b', 'c'],
          ['grün', subject.folder],
        ],
      );
      assert.deepEqual(said.slice(2), ['in ü', '']);
      assert.equal(errors, 'error ü\n');
      assert.deepEqual(await end, { kind: 'code', code: 7 });
    },
  },
  {
    name: 'a variable that is named twice has its last value',
    async check(subject) {
      const { platform, folder } = subject;
      const file = process.execPath;
      const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
      const env = new Map([
        ...Object.entries(process.env).map(([name, value]) => [name, value ?? ''] as const),
        ['PATH', 'here'],
      ] as const);
      const argv = [basename(file), '-p', 'process.env.PATH'];
      const program = platform.programs.startPiped({ file, argv, env, cwd: folder }, resolve);
      assert.equal((await text(program.stdout)).trim(), 'here');
      assert.deepEqual(await promise, { kind: 'code', code: 0 });
    },
  },
  {
    name: 'a program that is no shell gets its words as they are',
    async check({ platform, folder }) {
      const file = process.execPath;
      const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
      const words = ['{"aud":"https://relay.test"}', 'a b\\', '', 'c'];
      const print = 'console.log(JSON.stringify(process.argv.slice(1)))';
      const argv = platform.programs.argumentsFrom([basename(file), '-e', print, '--', ...words]);
      const env = new Map(Object.entries(process.env).map(([name, value]) => [name, value ?? ''] as const));
      const program = platform.programs.startPiped({ file, argv, env, cwd: folder }, resolve);
      assert.deepEqual(JSON.parse(await text(program.stdout)), words);
      assert.deepEqual(await promise, { kind: 'code', code: 0 });
    },
  },
  {
    name: 'a program that is not there is an error with the reason alone',
    async check({ platform, folder }) {
      const launch = { file: join(folder, 'nothing'), argv: ['nothing'], env: new Map(), cwd: folder };
      assert.throws(() => platform.programs.startPiped(launch, () => undefined), /^\w*Error: no such file/);
    },
  },
  {
    name: 'asked to end, a program and what it has started are gone',
    async check(subject) {
      const { program, end } = run(subject, await scriptIn(subject.folder, PARENT));
      const pids = await pidsOf(program);
      program.end();
      await Promise.all([end, ...pids.map(gone)]);
    },
  },
  {
    name: 'killed, a program and what it has started are gone, and their outputs end',
    async check(subject) {
      const { program, end } = run(subject, await scriptIn(subject.folder, PARENT));
      const pids = await pidsOf(program);
      program.signal('SIGKILL');
      await Promise.all([end, text(program.stdout), ...pids.map(gone)]);
    },
  },
  {
    name: 'an abandoned program gets no more input, and its outputs close here',
    async check(subject) {
      const { program } = run(subject, await scriptIn(subject.folder, PARENT));
      const pids = await pidsOf(program);
      program.abandon();
      for (const stream of [program.stdout, program.stderr]) if (!stream.closed) await once(stream, 'close');
      program.signal('SIGKILL');
      await Promise.all(pids.map(gone));
    },
  },
  {
    name: 'a program is found by its name, in folders of PATH alone',
    async check({ platform, folder }) {
      const find = (what: string, where: string): string | undefined => platform.programs.find(what, where);
      const name = basename(process.execPath).replace(/\.exe$/, '');
      const path = platform.commandPlace.pathWith(dirname(process.execPath), folder);
      assert.equal(find(name, path), process.execPath);
      assert.equal(find(name, folder), undefined);
      assert.equal(find(`not-${name}`, path), undefined);
    },
  },
  {
    name: 'there is a directory where programs start when theirs is gone',
    async check({ platform }) {
      assert.ok((await stat(platform.shells.lastDirectory)).isDirectory());
    },
  },
  {
    name: 'what a client is shown of the directory leads back to it, from anywhere',
    async check({ platform: { files }, folder }) {
      const shown = files.shown(folder);
      assert.match(String(shown), /^\/[^\\]+$/);
      const elsewhere = files.shown(dirname(dirname(folder)));
      assert.equal(String(files.systemPath(shown, elsewhere)), folder);
      assert.equal(String(files.systemPath(Buffer.from('.'), shown)).replace(/[\\/]\.$/, ''), folder);
      await mkdir(join(folder, 'x'));
      const around = files.systemPath(Buffer.from(`${shown.toString()}/x/../.`), elsewhere);
      assert.deepEqual(await files.canonical(around), shown);
      assert.equal(String(files.systemPath(Buffer.alloc(0), shown)), '');
    },
  },
  {
    name: 'the canonical form of a path has its last name whether that is there or not, and none below nothing',
    async check({ platform: { files }, folder }) {
      const shown = files.shown(folder);
      const path = (name: string): SystemPath => files.systemPath(Buffer.from(name), shown);
      assert.equal(String(await files.canonical(path('./new'))), `${shown.toString()}/new`);
      await assert.rejects(files.canonical(path('nothing/new')), { code: 'ENOENT' });
      assert.equal(String(await files.canonical(path('/'))), '/');
    },
  },
  {
    name: 'names are listed as they are, and lead to what they name; long paths are paths',
    async check({ platform, folder }) {
      const { files } = platform;
      const shown = files.shown(folder);
      const deep = `${'d'.repeat(120)}/${'e'.repeat(120)}/${'f'.repeat(120)}`;
      for (const name of ['grün', 'a b', deep.slice(0, 120), deep.slice(0, 241), deep]) {
        await mkdir(files.systemPath(Buffer.from(name), shown));
      }
      const long = files.systemPath(Buffer.from(`${deep}/file`), shown);
      await writeFile(long, 'content');
      assert.equal(await readFile(long, 'utf8'), 'content');
      assert.deepEqual(await namesIn(platform, folder), ['a b', 'd'.repeat(120), 'grün']);
      assert.deepEqual(await namesIn(platform, files.systemPath(Buffer.from(deep), shown)), ['file']);
      assert.ok((await lstat(files.entryOf(folder, Buffer.from('grün')))).isDirectory());
      assert.ok((await lstat(files.entryOf(folder, Buffer.from('..')))).isDirectory());
      await assert.rejects(namesIn(platform, files.systemPath(Buffer.from('nothing'), shown)), {
        code: 'ENOENT',
      });
      assert.ok((await namesIn(platform, files.systemPath(Buffer.from('/'), shown))).length > 0);
    },
  },
  {
    name: 'attributes say what is a folder, and what may not be written',
    async check({ platform: { files }, folder }) {
      const file = join(folder, 'file');
      await writeFile(file, 'x', { mode: 0o644 });
      const modes = async (): Promise<string[]> =>
        [files.seen(await lstat(folder)), files.seen(await lstat(file))].map(({ mode }) => mode.toString(8));
      const [folderMode = '', fileMode] = await modes();
      assert.match(folderMode, /^407[05][05]$/);
      assert.equal(fileMode, '100644');
      await chmod(file, 0o444);
      assert.equal((await modes())[1], '100444');
      await chmod(file, 0o644);
    },
  },
  {
    name: 'the files of a command start its program with its own words and those of a person, from PATH',
    async check(subject) {
      const { platform, folder } = subject;
      const { commandPlace } = platform;
      const script = join(folder, 'program.cjs');
      await writeFile(
        script,
        'console.log(JSON.stringify([process.argv.slice(2), process.env.NODE_OPTIONS])); process.exit(4)',
      );
      for (const { name, text: content } of commandPlace.shims([process.execPath, script, '--own'])) {
        await writeFile(join(folder, name), content, { mode: 0o700 });
      }
      const PATH = commandPlace.pathWith(folder, process.env['PATH']);
      const { program, end } = run(subject, 'converge hold "2 h"', {
        PATH,
        NODE_OPTIONS: '--require=nothing',
      });
      program.stdin.end();
      assert.deepEqual(JSON.parse(await text(program.stdout)), [['--own', 'hold', '2 h'], null]);
      assert.deepEqual(await end, { kind: 'code', code: 4 });
    },
  },
  {
    name: 'a private folder has a socket that answers, and a folder that PATH cannot have is unfit',
    async check({ platform: { commandPlace }, folder }) {
      assert.equal(commandPlace.unfitness('relative'), commandPlace.unfitness('also-relative'));
      assert.notEqual(commandPlace.unfitness('relative'), undefined);
      assert.equal(await answers(commandPlace.socketFor(folder)), 'here');
    },
  },
  {
    name: 'a socket for an ssh-agent answers, is another each time, and goes without a trace',
    async check({ platform }) {
      const [first, second] = [platform.makeAgentSocket(), platform.makeAgentSocket()];
      assert.notEqual(first.address, second.address);
      assert.equal(await answers(first.address), 'here');
      for (const socket of [first, second, second]) socket.remove();
      await assert.rejects(text(connect(first.address)), { code: 'ENOENT' });
    },
  },
];

// The SFTP server with programs that we did not write: OpenSSH's sftp and scp, and sshfs.
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync } from 'node:fs';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test, vi } from 'vitest';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { OUR_SERVER } from '../../support/sftp/sftp-programs.ts';

const run = promisify(execFile);

beforeAll(() => ensureCommands(['sftp', 'scp']));

test('carries files with sftp put and get, and resumes them with reput and reget', async () => {
  await using place = await makePlace();
  const { local, remote } = place;
  await writeFile(join(local, 'big'), randomBytes(9_000_001));
  await sftp(place, 'put big', 'get big back');
  expect(await hashOf(join(remote, 'big'))).toBe(await hashOf(join(local, 'big')));
  expect(await hashOf(join(local, 'back'))).toBe(await hashOf(join(local, 'big')));

  await truncate(join(remote, 'big'), 1_234_567);
  await truncate(join(local, 'back'), 7_654_321);
  await sftp(place, 'reput big');
  await sftp(place, 'reget big back');
  expect(await hashOf(join(remote, 'big'))).toBe(await hashOf(join(local, 'big')));
  expect(await hashOf(join(local, 'back'))).toBe(await hashOf(join(local, 'big')));
});

test('carries trees with sftp -r, with modes and times when asked for', async () => {
  await using place = await makePlace();
  const { local, remote } = place;
  const names = ["it's", 'two words', '"quoted"', 'grüße-日本-🙂', 'back\\slash', '*glob?['];
  await mkdir(join(local, 'tree/deep/er'), { recursive: true });
  for (const name of names) await writeFile(join(local, 'tree/deep', name), name);
  await writeFile(join(local, 'tree/run'), '#!/bin/sh\n');
  await chmod(join(local, 'tree/run'), 0o750);
  await utimes(join(local, 'tree/run'), 1_000_000_000, 1_000_000_000);
  await sftp(place, 'put -pR tree', 'get -pR tree back');
  for (const root of [join(remote, 'tree'), join(local, 'back')]) {
    expect((await readdir(join(root, 'deep'))).sort()).toEqual([...names, 'er'].sort());
    expect(await readFile(join(root, 'deep', "it's"), 'utf8')).toBe("it's");
    const { mode, mtimeMs } = await stat(join(root, 'run'));
    expect([mode & 0o7777, mtimeMs]).toEqual([0o750, 1_000_000_000_000]);
  }
});

test('does what else sftp can ask for', async () => {
  await using place = await makePlace();
  const { local, remote } = place;
  await writeFile(join(local, 'one'), 'one');
  await writeFile(join(local, 'two'), 'two');
  const output = await sftp(
    place,
    'put one',
    'put two',
    'rename one two',
    'symlink two link',
    'ln two hard',
    'cp two copy',
    'chmod 600 copy',
    'mkdir folder',
    'rename folder moved',
    'rmdir moved',
    'df',
    'ls -la',
    'ls -ln copy',
    'put -f one synced',
    'rm hard',
    '-rm missing',
    'pwd',
  );
  expect((await readdir(remote)).sort()).toEqual(['copy', 'link', 'synced', 'two']);
  expect(await readFile(join(remote, 'two'), 'utf8')).toBe('one');
  expect(await readFile(join(remote, 'copy'), 'utf8')).toBe('one');
  expect(await readlink(join(remote, 'link'))).toBe('two');
  expect((await stat(join(remote, 'copy'))).mode & 0o7777).toBe(0o600);
  expect(output).toMatch(/%Capacity/);
  expect(output).toMatch(/^lrwxrwxrwx .* link$/m);
  expect(output).toContain(`Remote working directory: ${remote}`);
});

test('lists 10,000 files', async () => {
  await using place = await makePlace();
  const names = Array.from({ length: 10_000 }, (_, index) => `file-${index}`);
  await Promise.all(names.map((name) => writeFile(join(place.remote, name), '')));
  const listed = (await sftp(place, 'ls -1')).split('\n').filter((line) => line.startsWith('file-'));
  expect(listed.map((line) => line.trim()).sort()).toEqual([...names].sort());
});

test('carries the end of a file beyond 4 GiB', async () => {
  await using place = await makePlace();
  const { local, remote } = place;
  const length = 5 * 2 ** 30;
  const file = await open(join(remote, 'sparse'), 'w');
  await file.truncate(length - 5);
  await file.write('after', length - 5);
  await file.close();
  const start = await open(join(local, 'sparse'), 'w');
  await start.truncate(length - 1_000_000);
  await start.close();
  await sftp(place, 'reget sparse');
  const got = await open(join(local, 'sparse'));
  const tail = await got.read(Buffer.alloc(10), 0, 10, length - 5);
  await got.close();
  expect(tail.buffer.subarray(0, tail.bytesRead).toString()).toBe('after');
});

test('serves scp, both ways, with ~', async () => {
  await using place = await makePlace();
  const { local, remote } = place;
  await writeFile(join(local, 'a b'), 'spaced');
  const server = await serverScript(local);
  const scp = (...args: string[]) =>
    run('scp', ['-D', server, '-q', ...args], { cwd: remote, env: envOf(remote) });
  await scp('-p', join(local, 'a b'), 'host:~/');
  await scp('host:a b', join(local, 'back'));
  expect(await readFile(join(remote, 'a b'), 'utf8')).toBe('spaced');
  expect(await readFile(join(local, 'back'), 'utf8')).toBe('spaced');
});

const fuse = canOpen('/dev/fuse') ? 'usable' : 'missing';

test.skipIf(fuse === 'missing')(`serves sshfs (/dev/fuse is ${fuse} here)`, async () => {
  await ensureCommands(['sshfs', 'fusermount3']);
  await using place = await makePlace();
  const { local, remote } = place;
  const script = await serverScript(local);
  const mounted = join(local, 'mnt');
  await mkdir(mounted);
  const unmounted = (await stat(mounted)).dev;
  const options = ['-f', '-o', `ssh_command=${script}`];
  const sshfs = spawn('sshfs', [...options, `host:${remote}`, mounted], {
    stdio: 'inherit',
    env: envOf(remote),
  });
  const exited = once(sshfs, 'exit');
  try {
    await vi.waitFor(async () => expect((await stat(mounted)).dev).not.toBe(unmounted), { timeout: 20_000 });
    const bytes = randomBytes(3_000_001);
    await writeFile(join(mounted, 'file'), bytes);
    await appendFile(join(mounted, 'file'), 'more');
    await writeFile(join(mounted, 'other'), 'x');
    await rename(join(mounted, 'other'), join(mounted, 'replaced'));
    await writeFile(join(mounted, 'again'), 'y');
    await rename(join(mounted, 'again'), join(mounted, 'replaced'));
    await symlink('replaced', join(mounted, 'link'));
    await mkdir(join(mounted, 'a/b'), { recursive: true });
    await chmod(join(mounted, 'replaced'), 0o640);
    await truncate(join(mounted, 'replaced'), 10);
    expect((await readdir(mounted)).sort()).toEqual(['a', 'file', 'link', 'replaced']);
    expect(
      Buffer.compare(await readFile(join(remote, 'file')), Buffer.concat([bytes, Buffer.from('more')])),
    ).toBe(0);
    expect(Buffer.compare(await readFile(join(mounted, 'file')), await readFile(join(remote, 'file')))).toBe(
      0,
    );
    const { size, mode } = await stat(join(remote, 'replaced'));
    expect([size, mode & 0o7777]).toEqual([10, 0o640]);
    await expect(readFile(join(mounted, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
    await rm(join(mounted, 'a'), { recursive: true });
    expect(await readdir(remote)).not.toContain('a');
  } finally {
    await run('fusermount3', ['-u', '-z', mounted]);
    await exited;
  }
});

interface Place extends AsyncDisposable {
  /** Where the client runs. */
  local: string;
  /** Where the server starts. */
  remote: string;
}

async function makePlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'converge-sftp-'));
  const place = { local: join(root, 'local'), remote: join(root, 'remote') };
  await mkdir(place.local);
  await mkdir(place.remote);
  return {
    ...place,
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Runs commands with `sftp -b`, which stops at the first that fails; resolves to what it printed. */
async function sftp({ local, remote }: Place, ...commands: string[]): Promise<string> {
  const batch = join(local, '.batch');
  await writeFile(batch, [`lcd "${local}"`, ...commands, ''].join('\n'));
  const { stdout } = await run('sftp', ['-q', '-D', serverCommand(), '-b', batch], {
    cwd: remote,
    env: envOf(remote),
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

function serverCommand(): string {
  return OUR_SERVER.join(' ');
}

/** The server as one program, for clients that take no arguments for it. */
async function serverScript(folder: string): Promise<string> {
  const script = join(folder, 'server');
  await writeFile(script, `#!/bin/sh\nexec ${serverCommand()}\n`, { mode: 0o755 });
  return script;
}

/** The home of the server's user, for `~`. */
function envOf(remote: string): NodeJS.ProcessEnv {
  return { ...process.env, HOME: remote };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'));
    return true;
  } catch {
    return false;
  }
}

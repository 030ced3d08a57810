// What is kept of a sign-on: whole, for one relay, and this user's alone; anything else is ignored in one sentence.
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileNameOf, KeptSignOns } from '../../../../services/clients/sign-on/kept-sign-ons.ts';
import { MAX_PRIVATE_FILE_BYTES } from '../../../../services/clients/sign-on/private-folder.ts';
import { stateFolder } from '../../../../services/clients/sign-on/state-folder.ts';

const RELAY = 'https://relay.example';
const SIGNED_ON = { token: 'a.b.c', refresh: 'r', expiresAt: 2_000_000 };

let root: string;
let folder: string;
let path: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kept-'));
  folder = join(root, 'state', 'converge');
  path = join(folder, fileNameOf(RELAY, 'json'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

test('what is kept is found, by another process as well, and only for its relay', async () => {
  expect(await new KeptSignOns(folder).keep(RELAY, SIGNED_ON)).toEqual({ kind: 'kept' });
  const other = new KeptSignOns(folder);
  expect(await other.find(RELAY)).toEqual({ kind: 'found', signedOn: SIGNED_ON });
  expect(await other.find('https://relay.example:444')).toEqual({ kind: 'missing' });
  await other.forget(RELAY);
  await other.forget(RELAY);
  expect(await other.find(RELAY)).toEqual({ kind: 'missing' });
});

test('folder and file are the user’s alone, whatever the umask, and no draft is left', async () => {
  const before = process.umask(0);
  try {
    await new KeptSignOns(folder).keep(RELAY, SIGNED_ON);
  } finally {
    process.umask(before);
  }
  expect((await lstat(folder)).mode & 0o777).toBe(0o700);
  expect((await lstat(join(root, 'state'))).mode & 0o777).toBe(0o700);
  expect((await lstat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual([fileNameOf(RELAY, 'json')]);
});

test('a name of a file that is in the content of another relay’s is not believed', async () => {
  const kept = new KeptSignOns(folder);
  await kept.keep('https://other.example', SIGNED_ON);
  await writeFile(path, await readFile(join(folder, fileNameOf('https://other.example', 'json'))), {
    mode: 0o600,
  });
  expect(await kept.find(RELAY)).toEqual({ kind: 'missing' });
});

describe('what may be somebody else’s', () => {
  beforeEach(async () => {
    await new KeptSignOns(folder).keep(RELAY, SIGNED_ON);
  });

  async function ignoredFor(): Promise<string> {
    const found = await new KeptSignOns(folder).find(RELAY);
    if (found.kind !== 'ignored') throw new Error(`it is ${found.kind}`);
    expect(found.message).not.toContain('\n');
    return found.message;
  }

  test.each([0o640, 0o604, 0o620, 0o602])('a file of mode %o is ignored', async (mode) => {
    await chmod(path, mode);
    expect(await ignoredFor()).toBe(`${path} is open to others; chmod 600 ${path}`);
  });

  test.each([0o750, 0o701, 0o720])(
    'a file in a folder of mode %o is ignored, and none is written',
    async (mode) => {
      await chmod(folder, mode);
      expect(await ignoredFor()).toBe(`${folder} is open to others; chmod 700 ${folder}`);
      const before = await readFile(path, 'utf8');
      expect(await new KeptSignOns(folder).keep(RELAY, { ...SIGNED_ON, token: 'new' })).toMatchObject({
        kind: 'not_kept',
      });
      expect(await readFile(path, 'utf8')).toBe(before);
    },
  );

  test('a link is not followed', async () => {
    const elsewhere = join(root, 'elsewhere');
    await writeFile(elsewhere, await readFile(path), { mode: 0o600 });
    await rm(path);
    await symlink(elsewhere, path);
    expect(await ignoredFor()).toBe(`${path} is a link; move it away`);
    // Writing replaces the link, and leaves alone what it points to.
    const before = await readFile(elsewhere, 'utf8');
    expect(await new KeptSignOns(folder).keep(RELAY, { ...SIGNED_ON, token: 'new' })).toEqual({
      kind: 'kept',
    });
    expect(await readFile(elsewhere, 'utf8')).toBe(before);
    expect((await lstat(path)).isFile()).toBe(true);
  });

  test('a folder that is a link is not followed', async () => {
    const elsewhere = join(root, 'elsewhere');
    await symlink(folder, elsewhere);
    const found = await new KeptSignOns(elsewhere).find(RELAY);
    expect(found).toEqual({ kind: 'ignored', message: `${elsewhere} is no folder; move it away` });
  });

  test('a folder in place of the file is ignored', async () => {
    await rm(path);
    await mkdir(path, { mode: 0o700 });
    expect(await ignoredFor()).toBe(`${path} is no file; move it away`);
    expect(await new KeptSignOns(folder).keep(RELAY, SIGNED_ON)).toMatchObject({ kind: 'not_kept' });
    expect((await readdir(folder)).filter((name) => name !== fileNameOf(RELAY, 'json'))).toEqual([]);
  });

  test('a file that is too long is ignored', async () => {
    await writeFile(path, 'x'.repeat(MAX_PRIVATE_FILE_BYTES + 1));
    expect(await ignoredFor()).toContain(`has more than ${MAX_PRIVATE_FILE_BYTES} bytes`);
  });

  test.runIf(process.getuid?.() === 0)('a file of another user is ignored', async () => {
    const { chown } = await import('node:fs/promises');
    await chown(path, 65_534, 65_534);
    expect(await ignoredFor()).toBe(`${path} belongs to somebody else; move it away`);
  });

  test.each(['', '{', '[]', 'null', '{"token":"a"}'])('%j counts as nothing kept', async (text) => {
    await writeFile(path, text);
    expect(await new KeptSignOns(folder).find(RELAY)).toEqual({ kind: 'missing' });
  });
});

test('readers beside many writers always find one that is whole', async () => {
  const kept = new KeptSignOns(folder);
  const long = (n: number) => ({ ...SIGNED_ON, token: String(n).repeat(8_000), expiresAt: n });
  await kept.keep(RELAY, long(0));
  const writing = Array.from({ length: 40 }, (_, n) => new KeptSignOns(folder).keep(RELAY, long(n % 10)));
  for (let reads = 0; reads < 40; reads++) {
    const found = await kept.find(RELAY);
    if (found.kind !== 'found') throw new Error(found.kind);
    expect(found.signedOn).toEqual(long(found.signedOn.expiresAt));
  }
  expect(await Promise.all(writing)).toEqual(writing.map(() => ({ kind: 'kept' })));
  expect(await readdir(folder)).toHaveLength(1);
});

describe('the folder', () => {
  test.each([
    [{ HOME: '/home/ada' }, '/home/ada/.local/state/converge'],
    [{ HOME: '/home/ada', XDG_STATE_HOME: '/state' }, '/state/converge'],
    [{ XDG_STATE_HOME: '/state' }, '/state/converge'],
    // The specification asks that paths which are not absolute are ignored.
    [{ HOME: '/home/ada', XDG_STATE_HOME: 'state' }, '/home/ada/.local/state/converge'],
    [{ HOME: '/home/ada', XDG_STATE_HOME: '' }, '/home/ada/.local/state/converge'],
    [{ HOME: 'ada' }, undefined],
    [{ HOME: '' }, undefined],
    [{}, undefined],
  ])('of %j is %s', (env, expected) => {
    expect(stateFolder(env)).toBe(expected);
  });
});

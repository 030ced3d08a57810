// What clients show to people: long names, account names, and the text of errors.
import { mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { constants, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { POSIX_FILES } from '../../../../services/agent/platform/posix/posix-files.ts';
import { Accounts } from '../../../../services/agent/sftp/accounts.ts';
import { expandHome } from '../../../../services/agent/sftp/home-path.ts';
import { longNameFrom, modeLetters } from '../../../../services/agent/sftp/long-name.ts';
import { refusalFrom, StatusRefusal } from '../../../../services/agent/sftp/refusal.ts';

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\nalso-root:x:0:0::/elsewhere:\n\nbroken line\nbuild:x:1000:1000::/home/build:/bin/sh\n';
const GROUP = 'wheel:x:0:root\nstaff:x:50:\n';

describe('long names', () => {
  test.each([
    [0o100644, '-rw-r--r--'],
    [0o104755, '-rwsr-xr-x'],
    [0o102644, '-rw-r-Sr--'],
    [0o041777, 'drwxrwxrwt'],
    [0o041776, 'drwxrwxrwT'],
    [0o120777, 'lrwxrwxrwx'],
    [0o010600, 'prw-------'],
    [0o140755, 'srwxr-xr-x'],
    [0o020620, 'crw--w----'],
    [0o060660, 'brw-rw----'],
  ])('mode %o is %s', (mode, letters) => {
    expect(modeLetters(mode)).toBe(letters);
  });

  test('show the time of day for half a year, then the year', async () => {
    await using files = await accountFiles();
    const accounts = new Accounts(files);
    await accounts.refresh();
    const mtime = new Date(2024, 4, 7, 9, 3);
    await utimes(files.group, mtime, mtime);
    const line = async (days: number) => {
      const nowMs = mtime.getTime() + days * 24 * 60 * 60 * 1000;
      const stats = Object.assign(await stat(files.group), {
        uid: 1000,
        gid: 7777,
        nlink: 1,
        mode: 0o100640,
      });
      return longNameFrom(Buffer.from('n'), stats, accounts, nowMs).toString();
    };
    expect(await line(10)).toBe('-rw-r-----    1 build    7777           27 May  7 09:03 n');
    expect(await line(200)).toBe('-rw-r-----    1 build    7777           27 May  7  2024 n');
  });
});

describe('accounts', () => {
  test('give the first name of a number and notice a changed file', async () => {
    await using files = await accountFiles();
    const accounts = new Accounts(files);
    await accounts.refresh();
    expect(accounts.userName(0)).toBe('root');
    expect(accounts.groupName(50)).toBe('staff');
    expect(accounts.homeOf('build')).toBe('/home/build');
    await writeFile(files.passwd, 'new:x:0:0::/new:/bin/sh\n');
    await utimes(files.passwd, 1, 1);
    await accounts.refresh();
    expect(accounts.userName(0)).toBe('new');
  });

  test('know nobody but the own one where there are no files', async () => {
    const nothing = { passwd: '/nonexistent/passwd', group: '/nonexistent/group' };
    const accounts = new Accounts(nothing, { name: 'runner', uid: 501, home: '/Users/runner' });
    await accounts.refresh();
    expect([0, 501].map((uid) => accounts.userName(uid))).toEqual([undefined, 'runner']);
    expect(['root', 'runner'].map((name) => accounts.homeOf(name))).toEqual([undefined, '/Users/runner']);
    const own = new Accounts(nothing);
    await own.refresh();
    expect(own.userName(userInfo().uid)).toBe(userInfo().username);
  });

  test('are those of the files before the own one', async () => {
    await using files = await accountFiles();
    const accounts = new Accounts(files, { name: 'other', uid: 0, home: '/other' });
    await accounts.refresh();
    expect(accounts.userName(0)).toBe('root');
  });
});

describe('refusals', () => {
  test.each([
    ['ENOENT', 'NO_SUCH_FILE', 'no such file or directory'],
    ['EACCES', 'PERMISSION_DENIED', 'permission denied'],
    ['ENOSPC', 'FAILURE', 'no space left on device'],
    ['EDQUOT', 'FAILURE', 'disk quota exceeded'],
    ['EROFS', 'FAILURE', 'read-only file system'],
    ['ENOTEMPTY', 'FAILURE', 'directory not empty'],
    ['ENOSYS', 'OP_UNSUPPORTED', 'function not implemented'],
    ['EBADF', 'FAILURE', 'the handle is not open for this'],
  ] as const)('%s is %s and names the path', (code, status, text) => {
    const error = Object.assign(new Error('x'), { errno: -constants.errno[code] });
    const refusal = refusalFrom(error, '/a/b');
    expect(refusal.code).toBe(status);
    expect(refusal.message).toBe(`/a/b: ${text}`);
  });

  test('keep their own text, and hide that of a fault of ours', () => {
    expect(refusalFrom(new StatusRefusal('BAD_MESSAGE', 'short'), '').message).toBe('short');
    expect(refusalFrom(new TypeError('secret detail'), '').message).not.toContain('secret');
  });
});

describe('paths', () => {
  test('are relative to the directory that is served, and empty ones stay so', () => {
    const absolute = (path: string, cwd: string) =>
      POSIX_FILES.systemPath(Buffer.from(path), Buffer.from(cwd)).toString();
    expect(absolute('a b', '/work')).toBe('/work/a b');
    expect(absolute('x', '/')).toBe('/x');
    expect(absolute('/x', '/work')).toBe('/x');
    expect(absolute('', '/work')).toHaveLength(0);
  });

  test('have ~ expanded, for who is served and for others', async () => {
    await using files = await accountFiles();
    const accounts = new Accounts(files);
    await accounts.refresh();
    const expand = (path: string) => expandHome(Buffer.from(path), Buffer.from('/h'), accounts).toString();
    expect([expand('~'), expand('~/x'), expand('~build/x'), expand('a~')]).toEqual([
      '/h',
      '/h/x',
      '/home/build/x',
      'a~',
    ]);
    expect(() => expand('~nobody-here/x')).toThrow(/no user nobody-here/);
  });
});

async function accountFiles() {
  const folder = await mkdtemp(join(tmpdir(), 'converge-accounts-'));
  const files = { passwd: join(folder, 'passwd'), group: join(folder, 'group') };
  await writeFile(files.passwd, PASSWD);
  await writeFile(files.group, GROUP);
  return {
    ...files,
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true });
    },
  };
}

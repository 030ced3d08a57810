// The files that open terminals on macOS: in a folder of this user alone, whole, and gone at the end.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { macosPrograms } from '../../../../services/agent/platform/macos/macos-programs.ts';
import { unpackTerminalFiles } from '../../../../services/agent/platform/macos/terminal-files.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'converge-terminal-files-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function assetOf(name: string): ArrayBuffer {
  return new TextEncoder().encode(`this is ${name}`).buffer;
}

test('they are unpacked where nobody else can write, as programs, and removed twice', () => {
  const unpacked = unpackTerminalFiles([folder], assetOf);
  if (unpacked.kind !== 'unpacked') throw new Error(unpacked.detail);
  const { addon, helper } = unpacked.files;
  expect(readFileSync(addon, 'utf8')).toBe('this is pty.node');
  expect(readFileSync(helper, 'utf8')).toBe('this is spawn-helper');
  expect(dirname(dirname(helper))).toBe(folder);
  for (const path of [dirname(helper), helper, addon]) expect(statSync(path).mode & 0o777).toBe(0o700);
  unpacked.remove();
  unpacked.remove();
  expect(readdirSync(folder)).toEqual([]);
});

test('the first place that will do is taken', () => {
  const [gone, file, good] = [join(folder, 'gone'), join(folder, 'file'), join(folder, 'good')];
  writeFileSync(file, '');
  mkdirSync(good);
  const unpacked = unpackTerminalFiles([gone, file, good, tmpdir()], assetOf);
  expect(unpacked.kind === 'unpacked' && unpacked.files.addon.startsWith(good)).toBe(true);
});

test('where no place will do nothing half done stays, and who wants a terminal is told why', () => {
  const full = (name: string): ArrayBuffer => {
    if (name === 'spawn-helper') throw new Error('no space left on device');
    return assetOf(name);
  };
  const unpacked = unpackTerminalFiles([folder, '/nowhere'], full);
  expect(readdirSync(folder)).toEqual([]);
  const programs = macosPrograms(unpacked);
  const open = () =>
    programs.openTerminal(
      { file: '/bin/sh', argv: ['sh'], env: () => new Map(), cwd: '/', columns: 80, rows: 24 },
      { data() {}, drained() {} },
    );
  expect(open).toThrow(
    /^cannot open a terminal for \/bin\/sh: no folder takes what opens it: \S+: no space left on device; \/nowhere: .*no such file/,
  );
  expect(existsSync('/nowhere')).toBe(false);
});

// What the agent says of its door: read from its file, shown to people, and repeated.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { agentDownloadName } from '../../../../deploy/ci/github/agent-file.ts';
import { markdownOfDoor, readOpenDoor, reminderOfDoor } from '../../../../deploy/ci/github/open-door.ts';

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'converge-door-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'door'), text);
  return join(folder, 'door');
}

test('both forms are read, of known names alone', async () => {
  const file = fileWith('id=a=b\nssh<<E\nfirst\nid=second\nE\r\nsecret=word\nlink=\n');
  expect(await readOpenDoor(file)).toEqual({ id: 'a=b', ssh: 'first\nid=second' });
});

test('a file that breaks off, or is not there, has what it has', async () => {
  expect(await readOpenDoor(fileWith('id=a\nssh<<E\nfirst\n'))).toEqual({ id: 'a' });
  expect(await readOpenDoor('/nowhere/at/all')).toEqual({});
});

test('what is not known is not shown', () => {
  expect(markdownOfDoor({})).not.toMatch(/undefined|```|\[/);
  expect(reminderOfDoor({ ssh: 'ssh it' })).toBe('converge: this job is open for SSH: ssh it');
  expect(reminderOfDoor({ ssh: 'ssh it', link: 'https://link' })).toBe(
    'converge: this job is open for SSH: ssh it   or from a browser: https://link',
  );
});

test('no command leaves its block, and no link its brackets', () => {
  const markdown = markdownOfDoor({ ssh: 'a\n```\n# title', link: 'https://host/)[x](y' });
  expect(markdown).toContain('````sh\na\n```\n# title\n````');
  expect(markdown).toContain('(https://host/%29[x](y%29'.slice(0, 20));
});

test('each system has its download', () => {
  expect(agentDownloadName('linux', 'arm64')).toBe('agent-linux-arm64');
  expect(agentDownloadName('darwin', 'x64')).toBe('agent-darwin-x64');
  expect(agentDownloadName('win32', 'x64')).toBe('agent-windows-x64.exe');
  expect(agentDownloadName('win32', 'arm64')).toBe('agent-windows-x64.exe');
});

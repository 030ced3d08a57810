// The printed commands, pasted into real shells: wsproxy must get the URL as it is.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  clientUrl,
  type SshDestination,
  scpCommand,
  sftpCommand,
  sshCommand,
  tcptowsCommands,
} from '../../../services/agent/notices/ssh-command.ts';

const FINGERPRINT = `SHA256:${'aB3+/'.repeat(8)}xyz`;
const DESTINATIONS: SshDestination[] = [
  { publicUrl: 'https://relay.example.org', id: 'job-1.x_Y', user: 'abc', fingerprint: FINGERPRINT },
  {
    publicUrl: "http://[::1]:8080/a%20b/c'd~*",
    id: 'j',
    user: 'a.b',
    fingerprint: FINGERPRINT,
    resumeWindowMs: 120_000,
  },
];
const ZSH = ['/usr/bin/zsh', '/bin/zsh'].find(existsSync);
const SHELLS = ['/bin/bash', '/bin/sh', ...(ZSH === undefined ? [] : [ZSH])];

describe.each(SHELLS)('pasted into %s', (shell) => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'paste-'));
    const recorder = '#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done > got\n';
    await writeFile(join(directory, 'wsproxy'), recorder, { mode: 0o755 });
    await writeFile(join(directory, 'tcptows'), recorder, { mode: 0o755 });
    // What makes # and [ patterns in zsh, as in many people's set-ups.
    await writeFile(join(directory, '.zshenv'), 'setopt extendedglob nomatch\n');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** Runs the line in the shell. */
  async function paste(line: string): Promise<string> {
    await rm(join(directory, 'got'), { force: true });
    const env = { PATH: process.env['PATH'], HOME: directory, ZDOTDIR: directory, SHELL: shell };
    await new Promise((resolve) => {
      execFile(shell, ['-c', line], { cwd: directory, env }, resolve);
    });
    return readFile(join(directory, 'got'), 'utf8');
  }

  test.each(DESTINATIONS)('ssh, sftp and scp reach $publicUrl', async (destination) => {
    const user = destination.user === 'abc' ? '' : `--user\n${destination.user}\n`;
    const url = `${user}${clientUrl(destination)}\n`;
    expect(await paste(sshCommand(destination))).toBe(`ssh\n${url}`);
    expect(await paste(sftpCommand(destination))).toBe(`sftp\n${url}`);
    expect(await paste(scpCommand(destination))).toBe(`scp\n${url}:FILE\n.\n`);
  });

  test.each(DESTINATIONS)('tcptows gets $publicUrl', async (destination) => {
    const [tunnel] = tcptowsCommands(destination, 2222);
    expect(await paste(tunnel)).toBe(`2222\n${clientUrl(destination)}\n`);
  });
});

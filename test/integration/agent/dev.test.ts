// `npm run dev`: the line that it prints works as printed, and what changes is started again, nothing else.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { freePort } from '../../support/network/ports.ts';
import { type E2eProcess, startProcess } from '../../support/process/started-process.ts';

const run = promisify(execFile);

test('the printed line opens a session, over a relay that was started again, and then to the next agent', async () => {
  await ensureCommands(['ssh', 'ssh-keygen']);
  const folder = await mkdtemp(join(tmpdir(), 'converge-dev-'));
  const key = join(folder, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  // A port that nobody else is given while the relay is started again.
  const ports = { PORT: String(await freePort()), INTERNAL_PORT: '0' };
  const dev = startProcess(
    'dev',
    [process.execPath, join(ROOT, 'deploy/dev/main.ts'), '--authorized-keys', `${key}.pub`],
    { cwd: ROOT, env: { ...(process.env as Record<string, string>), ...ports } },
  );
  try {
    const [, line = ''] = await dev.see(/^ {2}(\S+ \S+wsproxy\/main\.ts ssh .*)$/m);
    expect(await said(line, key)).toBe('in the job\n');

    await touch('services/relay/app.ts');
    await seeLinks(dev, 2);
    expect(await said(line, key)).toBe('in the job\n');

    await touch('services/agent/agent.ts');
    await dev.see(/(^ {2}\S+ \S+wsproxy\/main\.ts ssh [^]*){2}/m);
    const next = dev.stdout.match(/(?<=^ {2})\S+ \S+wsproxy\/main\.ts ssh .*$/gm)?.at(-1) ?? '';
    expect(next).not.toBe(line);
    expect(await said(next, key)).toBe('in the job\n');
  } finally {
    dev.kill('SIGKILL');
    await dev.exited;
    await rm(folder, { recursive: true, force: true });
  }
});

async function said(line: string, key: string): Promise<string> {
  const command = `${line} -i '${key}' 'echo in the job' < /dev/null`;
  return (await run('sh', ['-c', command], { cwd: ROOT })).stdout;
}

async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(join(ROOT, file), now, now);
}

/** Waits until the relay, in all of its lives, has told of so many agents. */
async function seeLinks(dev: E2eProcess, count: number): Promise<void> {
  await dev.see(new RegExp(`("msg":"agent linked"[^]*){${count}}`));
}

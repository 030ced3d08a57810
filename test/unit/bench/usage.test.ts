// What the bench reads of processes: of those that run, of those that have ended, and never of the wrong ones.
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { cpuSeconds, findBelow, treeCpuSeconds } from '../../bench/usage.ts';
import { type E2eProcess, startProcess } from '../../support/process/started-process.ts';

/** Enough of a shell's time for a tick of the clock. */
const WORK = 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done';

function startShell(stack: AsyncDisposableStack, script: string): E2eProcess {
  const shell = startProcess('sh', ['/bin/sh', '-c', script], { cwd: tmpdir(), env: {} });
  stack.defer(async () => {
    shell.kill('SIGKILL');
    await shell.exited;
  });
  return shell;
}

test('counts what a process below has used when it has ended, and not to the process itself', async () => {
  await using stack = new AsyncDisposableStack();
  const shell = startShell(stack, `(${WORK}); echo done; read -r go`);
  await shell.see(/done/);
  const pid = shell.child.pid ?? 0;
  expect(await treeCpuSeconds([pid])).toBeGreaterThan(10 * (await cpuSeconds([pid])));
});

test('finds what is below by how it calls itself, and nobody else instead', async () => {
  await using stack = new AsyncDisposableStack();
  const shell = startShell(stack, '(echo ready; exec /bin/cat); exit 0');
  await shell.see(/ready/);
  const pid = shell.child.pid ?? 0;
  await expect.poll(() => findBelow(pid, 'cat').catch(() => pid)).not.toBe(pid);
  await expect(findBelow(pid, 'wsproxy')).rejects.toThrow(`nothing below process ${pid} is called wsproxy`);
});

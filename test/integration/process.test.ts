// Processes: what is handed down to them, and who buries whom.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startPipedProcess } from '../../services/agent/process/piped-process.ts';
import type { ProcessEnd } from '../../services/agent/process/process-end.ts';

const run = promisify(execFile);
const ENV = new Map([['PATH', '/usr/bin:/bin']]);

function support(name: string): string {
  return fileURLToPath(new URL(`../support/${name}`, import.meta.url));
}

test('nothing that the agent was started with is open in its programs', async () => {
  const inherit = 'exec 3</dev/null 9</dev/null 100</dev/null; exec "$@"';
  const program = [process.execPath, support('descriptors-program.ts')];
  const { stdout } = await run('bash', ['-c', inherit, 'bash', ...program]);
  expect(stdout).toBe('0\n1\n2\n'.repeat(2));
});

test('signals that the agent was told to ignore are not ignored by its programs', async () => {
  const ignore = `trap '' HUP PIPE USR1 RTMIN+3; exec "$@"`;
  const script = 'grep SigIgn /proc/self/status; grep SigBlk /proc/self/status';
  const source = `
    import { startPipedProcess } from ${JSON.stringify(fileURLToPath(new URL('../../services/agent/process/piped-process.ts', import.meta.url)))};
    const started = startPipedProcess(
      { file: '/bin/sh', argv: ['sh', '-c', ${JSON.stringify(script)}], env: new Map([['PATH', '/usr/bin:/bin']]), cwd: '/' },
      () => {},
    );
    started.stdout.pipe(process.stdout);`;
  const { stdout } = await run('bash', [
    '-c',
    ignore,
    'bash',
    process.execPath,
    '--input-type=module',
    '-e',
    source,
  ]);
  expect(stdout).toBe('SigIgn:\t0000000000000000\nSigBlk:\t0000000000000000\n');
});

test('the first process of a container buries orphans, and leaves all children to those who wait for them', async () => {
  const unshare = ['--pid', '--fork', '--mount-proc', '--kill-child'];
  const program = [process.execPath, support('reaper-program.ts'), '--reap'];
  const { stdout } = await run('unshare', [...unshare, ...program]);
  expect(JSON.parse(stdout)).toEqual({ pid: 1, ours: { kind: 'code', code: 7 }, nodes: 5, isClean: true });
});

test('many that end at once are each told once, with their own end', async () => {
  const ends = await Promise.all(
    Array.from({ length: 50 }, (_, code) => {
      const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
      const argv = ['sh', '-c', `read go; exit ${code}`];
      const started = startPipedProcess({ file: '/bin/sh', argv, env: ENV, cwd: '/' }, resolve);
      started.stdin.end('go\n');
      started.stdout.resume();
      started.stderr.resume();
      return promise;
    }),
  );
  expect(ends).toEqual(Array.from({ length: 50 }, (_, code) => ({ kind: 'code', code })));
});

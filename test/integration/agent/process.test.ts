// Processes: what is handed down to them, and who buries whom.
import { execFile } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { DIST } from '../../../deploy/build/source-tree.ts';
import type { ProcessEnd } from '../../../services/agent/platform/process-end.ts';
import { startByNode } from '../../../services/agent/process/node-process.ts';
import { startPipedProcess } from '../../../services/agent/process/piped-process.ts';

const run = promisify(execFile);
const ENV = new Map([['PATH', '/usr/bin:/bin']]);

/** Namespaces are for root, or for somebody who is root in one of their own. */
const AS_ROOT = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];

function support(name: string): string {
  return fileURLToPath(new URL(`../../support/agent/${name}`, import.meta.url));
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
    import { startPipedProcess } from ${JSON.stringify(fileURLToPath(new URL('../../../services/agent/process/piped-process.ts', import.meta.url)))};
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
  const unshare = [...AS_ROOT, '--pid', '--fork', '--mount-proc', '--kill-child'];
  const program = [process.execPath, support('reaper-program.ts'), '--reap'];
  const { stdout } = await run('unshare', [...unshare, ...program]);
  expect(JSON.parse(stdout)).toEqual({ pid: 1, ours: { kind: 'code', code: 7 }, nodes: 5, isClean: true });
});

test('where no folder takes the addon the orphans stay, and nothing else suffers', async () => {
  const unshare = [...AS_ROOT, '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const hide = 'mount -t tmpfs none "$0" && exec "$@"';
  const program = [process.execPath, support('reaper-program.ts'), '--reap'];
  const { stdout } = await run('unshare', [...unshare, 'sh', '-c', hide, join(DIST, 'native'), ...program]);
  expect(JSON.parse(stdout)).toEqual({ pid: 1, ours: { kind: 'code', code: 7 }, nodes: 5, isClean: false });
});

describe('the memory of what is garbage', () => {
  const program = [process.execPath, support('memory-program.ts')] as const;
  /** One buffer of twenty stays. */
  const LIVE = { kept: 0.05, buffers: 100 };

  test('goes back to the system, from between what is used as well', async () => {
    const { stdout } = await run(program[0], program.slice(1));
    const { kept, buffers } = JSON.parse(stdout) as typeof LIVE;
    expect(buffers).toBe(LIVE.buffers);
    expect(kept).toBeLessThan(4 * LIVE.kept);
  });

  test('stays where no folder takes the addon, and nothing else suffers', async () => {
    const unshare = [...AS_ROOT, '--mount'];
    const hide = 'mount -t tmpfs none "$0" && exec "$@"';
    const { stdout } = await run('unshare', [...unshare, 'sh', '-c', hide, join(DIST, 'native'), ...program]);
    expect((JSON.parse(stdout) as typeof LIVE).buffers).toBe(LIVE.buffers);
  });
});

describe.each([
  ['the addon', startPipedProcess],
  ['Node, where there is no addon', startByNode],
] as const)('a program that is started by %s', (_name, start) => {
  const options = { file: '/bin/sh', env: ENV, cwd: '/tmp' };

  async function run(script: string, input = ''): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
    const started = start({ ...options, argv: ['name', '-c', script] }, resolve);
    started.stdin.on('error', () => {}); // it may have died before
    started.stdin.end(input);
    const [output, complaints] = await Promise.all([text(started.stdout), text(started.stderr)]);
    return { end: await promise, output, complaints };
  }

  test('has its name, its directory, its environment and its three descriptors', async () => {
    expect(await run('echo $0; pwd; env | grep ^PATH; cat; echo bad >&2; exit 4', 'input\n')).toEqual({
      end: { kind: 'code', code: 4 },
      output: 'name\n/tmp\nPATH=/usr/bin:/bin\ninput\n',
      complaints: 'bad\n',
    });
  });

  test('leads a session', async () => {
    expect(await run('cut -d " " -f 6 /proc/$$/stat; echo $$')).toMatchObject({
      output: expect.stringMatching(/^(\d+)\n\1\n$/),
    });
  });

  test('is told to have died of its signal', async () => {
    const end = { kind: 'signal', signal: constants.signals.SIGTERM };
    expect(await run('kill -TERM $$')).toMatchObject({ end });
  });

  test.each([
    ['/nonexistent', 'no such file or directory'],
    ['/etc/passwd', 'permission denied'],
    ['/tmp', 'permission denied'],
  ])('is an error with the reason when it is %s', (file, reason) => {
    expect(() => start({ ...options, file, argv: ['it'] }, () => {})).toThrow(reason);
  });
});

test('where there is no terminal to be had, the client is told so and no program has run', async () => {
  const hide = 'mount -t tmpfs none /dev && exec "$@"';
  const program = [process.execPath, support('no-terminal-program.ts')];
  const { stdout } = await run('unshare', [...AS_ROOT, '--mount', 'sh', '-c', hide, 'sh', ...program]);
  expect(JSON.parse(stdout)).toEqual({
    hasStarted: false,
    code: 127,
    text: 'welcome\r\nconverge: cannot open a terminal for /bin/bash: no such file or directory\r\n',
  });
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

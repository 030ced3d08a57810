// The tree of a program of Windows: what is asked to end it, and who is found where nobody else ends it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  descendants,
  endTree,
  processTable,
  type RunTool,
  treeTools,
} from '../../../../services/agent/platform/windows/process-tree.ts';

/** As wmic prints it. */
const TABLE = [
  'ParentProcessId  ProcessId  ',
  '0                4          ',
  '4                100        ',
];
const NOTHING = Buffer.alloc(0);

afterEach(() => {
  vi.unstubAllEnvs();
});

function table(...rows: (readonly [parent: number, pid: number])[]): Buffer {
  const lines = [...TABLE, ...rows.map(([parent, pid]) => `${parent}  ${pid}  `), ''];
  return Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(lines.join('\r\n'), 'utf16le')]);
}

/** Ends the tree of 100 and tells what was run and who was ended. */
async function ended(
  { killCode, processes }: { readonly killCode: number | undefined; readonly processes: Buffer },
  isRunning = () => true,
) {
  const asked: string[] = [];
  const gone: number[] = [];
  const run: RunTool = async (name, args) => {
    asked.push([name, ...args].join(' '));
    return name === 'taskkill.exe' ? { code: killCode, stdout: NOTHING } : { code: 0, stdout: processes };
  };
  await endTree({ pid: 100, isRunning }, { run, end: (pid) => gone.push(pid) });
  return { asked, gone };
}

const KILL = 'taskkill.exe /T /F /PID 100';
const LIST = 'wbem\\wmic.exe process get CreationDate,ParentProcessId,ProcessId';
const FAMILY = table([100, 200], [200, 300], [1, 400], [100, 500]);

describe('the tree of a program', () => {
  test('is ended by what Windows has for it', async () => {
    expect(await ended({ killCode: 0, processes: FAMILY })).toEqual({ asked: [KILL], gone: [] });
  });

  test('is ended one by one where that knows no trees, or is not there', async () => {
    for (const killCode of [1, undefined]) {
      const { asked, gone } = await ended({ killCode, processes: FAMILY });
      expect(asked).toEqual([KILL, LIST]);
      expect(gone).toEqual([100, 200, 500, 300]);
    }
  });

  test('whose root has ended is what it has left behind', async () => {
    const processes = table([99, 200], [200, 300]);
    const orphans = Buffer.from(processes.toString('utf16le').replace(/4 {16}100/, '4 101'), 'utf16le');
    expect(await ended({ killCode: 0, processes: orphans }, () => false)).toEqual({
      asked: [LIST],
      gone: [],
    });
    const left = Buffer.from(orphans.toString('utf16le').replace('99  200', '100  200'), 'utf16le');
    expect((await ended({ killCode: 0, processes: left }, () => false)).gone).toEqual([200, 300]);
  });

  test('is nobody’s when the number of the root is another’s by now', async () => {
    expect(await ended({ killCode: 0, processes: FAMILY }, () => false)).toEqual({ asked: [LIST], gone: [] });
  });

  test('is found by PowerShell where there is no wmic', async () => {
    const asked: string[] = [];
    const gone: number[] = [];
    const run: RunTool = async (name, args) => {
      asked.push(name);
      if (!name.endsWith('powershell.exe')) return { code: undefined, stdout: NOTHING };
      // The one quoted word of its command line, as Node makes one of it.
      expect(args.at(-1)).toContain('$_.ParentProcessId, $_.ProcessId');
      expect(args.at(-1)).not.toContain('"');
      return { code: 0, stdout: Buffer.from('+0 0 4\r\n20261129120000.000000+0 4 100\r\n+0 100 200\r\n') };
    };
    await endTree({ pid: 100, isRunning: () => true }, { run, end: (pid) => gone.push(pid) });
    expect(asked).toEqual([
      'taskkill.exe',
      'wbem\\wmic.exe',
      'wbem\\wmic.exe',
      'WindowsPowerShell\\v1.0\\powershell.exe',
    ]);
    expect(gone).toEqual([100, 200]);
  });

  test('ends although some of it is gone already', async () => {
    const seen: number[] = [];
    const run: RunTool = async () => ({ code: 1, stdout: FAMILY });
    const end = (pid: number): void => {
      seen.push(pid);
      throw new Error('ESRCH');
    };
    await endTree({ pid: 100, isRunning: () => true }, { run, end });
    expect(seen).toEqual([100, 200, 500, 300]);
  });
});

test('a tool that cannot be started is one that says nothing', async () => {
  const { run } = treeTools({ SystemRoot: '/nowhere' });
  // The second is one for which Node throws at once, as it does on Windows for a tool that a policy forbids.
  for (const name of ['none.exe', 'none\0.exe'])
    expect(await run(name, [])).toEqual({ code: undefined, stdout: NOTHING });
});

test.each([
  ['ended by somebody', "printf '100 56'; kill -9 $$", undefined, ''],
  ['one that says far too much', "printf '100 56\\n'; exec yes '100 56'", undefined, ''],
  ['one that ends by itself', "printf '100 5678'; exit 3", 3, '100 5678'],
])(
  'of a tool that is %s, only the whole table counts: a number that was cut is another’s',
  async (_, script, code, said) => {
    const folder = await mkdtemp(join(tmpdir(), 'converge-tree-'));
    // A path of Windows is a name here, and looked for in PATH.
    await writeFile(join(folder, '\\w\\System32\\tool.exe'), `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
    const outcome = await treeTools({ SystemRoot: '\\w' }).run('tool.exe', []);
    expect([outcome.code, outcome.stdout.toString()]).toEqual([code, said]);
    await rm(folder, { recursive: true });
  },
);

test('a table is read in either alphabet, and what is none is empty', () => {
  const wide = processTable(table([7, 8]));
  expect([...wide].map(([pid, { parent }]) => [pid, parent])).toEqual([
    [4, 0],
    [100, 4],
    [8, 7],
  ]);
  expect(processTable(Buffer.from(`${TABLE.join('\r\n')}\r\n7  8\r\n`))).toEqual(wide);
  expect(processTable(Buffer.from('Error: access denied')).size).toBe(0);
});

test('a circle of parents, as numbers that are used again make it, comes to an end', () => {
  expect(
    descendants(
      1,
      new Map([
        [2, { parent: 1 }],
        [1, { parent: 2 }],
        [3, { parent: 2 }],
        [9, { parent: 9 }],
      ]),
    ),
  ).toEqual([2, 3]);
});

describe('a process that was there before', () => {
  const rows = (...lines: string[]) =>
    processTable(Buffer.from(['CreationDate  ParentProcessId  ProcessId', ...lines, ''].join('\r\n')));
  const at = (second: number): string => `202611291200${second}.000000+060`;

  test('is not taken for one of the tree, although the number of its parent is the root’s', () => {
    const [agent, root] = [7, 100];
    const others = [`${at(30)}  1  ${agent}`, `${at(10)}  100  300`, `${at(40)}  100  400`, '  100  500'];
    expect(descendants(root, rows(...others), agent)).toEqual([400, 500]);
    expect(descendants(root, rows(...others, `${at(50)}  7  100`, `${at(51)}  100  600`), agent)).toEqual([
      500, 600,
    ]);
  });
});

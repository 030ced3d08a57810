// The tree of a program: it and all that it has started, which Windows ends one by one.
import { spawn } from 'node:child_process';
import { win32 } from 'node:path';
import type { Environment } from '#shared/machine/environment.ts';
import { systemFolder } from './system-folder.ts';

/** The tools take some tenths of a second; a machine that is busy is waited for. Four of them may run, one after the other. */
const TOOL_TIMEOUT_MS = 10_000;
const WMIC = 'wbem\\wmic.exe';
const POWERSHELL = 'WindowsPowerShell\\v1.0\\powershell.exe';
/** Wine has no dates, and an answer for none who asks for them. */
const WMIC_COLUMNS = ['CreationDate,ParentProcessId,ProcessId', 'ParentProcessId,ProcessId'] as const;
const LIST_PROCESSES =
  "Get-CimInstance Win32_Process | ForEach-Object { '{0:yyyyMMddHHmmss.ffffff}+0 {1} {2}' -f $_.CreationDate, $_.ParentProcessId, $_.ProcessId }";

/** Some thousand processes. */
const MAX_TABLE_BYTES = 1024 * 1024;

/** How a tool ended, and what it said. */
export interface ToolOutcome {
  /** Undefined: it did not start, or not end by itself. */
  readonly code: number | undefined;
  /** Nothing of a tool that did not end by itself: the number at which it was cut would be another process'. */
  readonly stdout: Buffer;
}

const SAID_NOTHING: ToolOutcome = { code: undefined, stdout: Buffer.alloc(0) };

/** Runs a program of Windows by its name in System32; never rejects. */
export type RunTool = (name: string, args: readonly string[]) => Promise<ToolOutcome>;

export interface TreeTools {
  readonly run: RunTool;
  /** Ends one process; throws if it is gone. */
  readonly end: (pid: number) => void;
}

/** Those of this Windows. */
export function treeTools(env: Environment): TreeTools {
  const folder = systemFolder(env);
  return {
    run: (name, args) => runTool(win32.join(folder, name), args),
    end: (pid) => process.kill(pid, 'SIGKILL'),
  };
}

export interface TreeRoot {
  readonly pid: number;
  /** Whether it is still ours: when it has ended, its number may be another's. */
  readonly isRunning: () => boolean;
}

/** Ends a program and all that it has started, some time later. */
export type EndTree = (root: TreeRoot) => void;

/**
 * Ends a program and all that it has started, without asking them. Where it has ended and left others behind, or `taskkill`
 * knows no trees, these are found in the table of processes. Never rejects; whoever is gone already is no fault.
 */
export async function endTree(root: TreeRoot, { run, end }: TreeTools): Promise<void> {
  if (root.isRunning()) {
    const { code } = await run('taskkill.exe', ['/T', '/F', '/PID', String(root.pid)]);
    if (code === 0) return;
  }
  const table = await lookAtProcesses(run);
  const isOurs = root.isRunning();
  if (!isOurs && table.has(root.pid)) return;
  for (const pid of [...(isOurs ? [root.pid] : []), ...descendants(root.pid, table)]) {
    try {
      end(pid);
    } catch {
      // It is gone.
    }
  }
}

/** By wmic, or where Windows has that no more, in a second or two, by PowerShell. */
async function lookAtProcesses(run: RunTool): Promise<ProcessTable> {
  for (const columns of WMIC_COLUMNS) {
    const quick = processTable((await run(WMIC, ['process', 'get', columns])).stdout);
    if (quick.size > 0) return quick;
  }
  return processTable(
    (await run(POWERSHELL, ['-NoProfile', '-NonInteractive', '-Command', LIST_PROCESSES])).stdout,
  );
}

export interface ProcessRow {
  readonly parent: number;
  /** A date that sorts as text; undefined where it is not told. */
  readonly created?: string | undefined;
}

/** By their pids. */
export type ProcessTable = ReadonlyMap<number, ProcessRow>;

/** Reads columns below a line of names: a date, if there is one, and two numbers; wmic writes UTF-16 where nobody sees it. */
export function processTable(output: Buffer): ProcessTable {
  const isWide = output[0] === 0xff && output[1] === 0xfe;
  const text = output.toString(isWide ? 'utf16le' : 'latin1');
  const rows = text.matchAll(/^\s*(?:(\d{14}\.\d{6})?[+-]\d+\s+)?(\d+)\s+(\d+)\s*$/gm);
  return new Map(
    [...rows].map(([, created, parent, pid]) => [Number(pid), { parent: Number(parent), created }]),
  );
}

/**
 * All below `root`, parents first. A number is used again soon, and the parent that a process names may be long gone: whoever is
 * older than its parent, or than `starter`, is none of these.
 */
export function descendants(root: number, table: ProcessTable, starter: number = process.pid): number[] {
  const found = new Set<number>([root]);
  for (const parent of found) {
    const since = table.get(parent)?.created ?? table.get(starter)?.created ?? '';
    for (const [pid, row] of table) {
      if (row.parent === parent && (row.created === undefined || row.created >= since)) found.add(pid);
    }
  }
  found.delete(root);
  return [...found];
}

async function runTool(file: string, args: readonly string[]): Promise<ToolOutcome> {
  try {
    return await outcomeOf(startTool(file, args));
  } catch {
    // Node throws for what it has no name for, such as a policy of this machine that forbids the tool.
    return SAID_NOTHING;
  }
}

type Tool = ReturnType<typeof startTool>;

/** It outlives this process, which may be about to end. */
function startTool(file: string, args: readonly string[]) {
  return spawn(file, args, {
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: TOOL_TIMEOUT_MS,
  });
}

function outcomeOf(child: Tool): Promise<ToolOutcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_TABLE_BYTES) child.kill();
      else chunks.push(chunk);
    });
    const settle = (code: number | null): void => {
      resolve(code === null ? SAID_NOTHING : { code, stdout: Buffer.concat(chunks) });
    };
    child.on('close', settle);
    child.on('error', () => settle(null));
  });
}

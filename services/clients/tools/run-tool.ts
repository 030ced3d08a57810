// Runs a stock program in place of wsproxy: the same terminal, the same signals, its exit code.
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Environment } from '#shared/machine/environment.ts';
import type { ToolName } from './tool-words.ts';

/** As shells say it of a command that is not there. */
export const NO_SUCH_TOOL = 127;

const OPENSSH =
  'install the OpenSSH client (openssh-client in Debian and Ubuntu, openssh-clients in Fedora, openssh in Alpine; ' +
  'among the optional features of Windows)';
const WAYS_OUT: Readonly<Record<ToolName, string>> = {
  ssh: OPENSSH,
  sftp: OPENSSH,
  scp: OPENSSH,
  rsync: 'install rsync, or copy with wsproxy scp',
};

/** What a person is told where a program is missing. */
export function missingTool(tool: ToolName): string {
  return `there is no ${tool} on this machine: ${WAYS_OUT[tool]}`;
}

/** The file of `tool` in the folders of PATH; undefined if there is none that can be run. */
export function findTool(tool: string, env: Environment, platform = process.platform): string | undefined {
  const endings = platform === 'win32' ? ['.exe', '.com'] : [''];
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter);
  return folders
    .flatMap((folder) => endings.map((ending) => join(folder === '' ? '.' : folder, `${tool}${ending}`)))
    .find(isProgram);
}

/**
 * Becomes the program, where a process can: a stop by `~^Z` or a signal is then its own matter. Where that cannot be, it is a child
 * with the same terminal, and its end is this one's; so it is where somebody wants to know of its end, by `onEnd`. Resolves with the
 * exit code.
 */
export async function runTool(
  [tool, ...args]: readonly [ToolName, ...string[]],
  env: Environment,
  report: (line: string) => void,
  onEnd?: (code: number) => void,
): Promise<number> {
  const file = findTool(tool, env);
  if (file === undefined) {
    report(missingTool(tool));
    onEnd?.(NO_SUCH_TOOL);
    return NO_SUCH_TOOL;
  }
  if (onEnd !== undefined) {
    const code = await runChild(file, args);
    onEnd(code);
    return code;
  }
  if (process.platform !== 'win32') process.execve?.(file, [tool, ...args], definedOf(env));
  return await runChild(file, args);
}

function definedOf(env: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}

async function runChild(file: string, args: readonly string[]): Promise<number> {
  // Before there is a child: a signal that comes while it starts would end this process, and leave it alone.
  // The terminal sends these to both; it is the child that answers.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGBREAK'] as const) listenTo(signal, () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) listenTo(signal, () => child.kill(signal));
  const child = spawn(file, args, { stdio: 'inherit' });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...end) => resolve(end));
  });
  return signal === null ? (code ?? 1) : 128 + (systemConstants.signals[signal] ?? 0);
}

function listenTo(signal: NodeJS.Signals, answer: () => void): void {
  // Not every system has every signal.
  if (signal in systemConstants.signals) process.on(signal, answer);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

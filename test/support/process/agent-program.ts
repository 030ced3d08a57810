// The agent's program, from its sources, as a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../services/agent/main.ts', import.meta.url));
const STEPPED_CLOCK = fileURLToPath(new URL('stepped-clock.ts', import.meta.url));

/** Words that start it: `node main.ts`, ahead of its arguments. */
export const AGENT_PROGRAM = [process.execPath, MAIN] as const;

/** The same on a machine whose clock jumps by `STEP_MS` once it has said `STEP_AT`. */
export const AGENT_ON_STEPPED_CLOCK = [process.execPath, '--import', STEPPED_CLOCK, MAIN] as const;

export interface AgentProcess {
  readonly child: ChildProcess;
  /** All that it said. */
  readonly output: () => string;
  /** Its exit code, or the name of the signal. */
  readonly ended: Promise<number | string | null>;
}

/** Starts it with pipes in place of a terminal. Whoever starts it ends it. */
export function startAgentProcess(
  [file, ...words]: readonly [string, ...string[]],
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): AgentProcess {
  let output = '';
  const child = spawn(file, [...words, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: options.cwd, ...options.env },
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(() => child.exitCode ?? child.signalCode);
  return { child, ended, output: () => output };
}

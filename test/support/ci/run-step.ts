// A step of a CI system as a process: what it says, and how it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import type { CiStep } from './step.ts';

export interface StepOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StepPlace {
  readonly folder: string;
  /** The PATH; this process's own if undefined. */
  readonly path: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs it to its end. The programs of the step itself are found by this process's PATH. */
export async function runStep(step: CiStep, { folder, path, env }: StepPlace): Promise<StepOutcome> {
  const [program, ...args] = step.command;
  const child = spawn(findCommand(program) ?? program, args, {
    cwd: folder,
    // bash takes a pipe of Node for a network, and its reader for a first shell that wants its start-up file.
    env: { PATH: path ?? process.env['PATH'], SHLVL: '1', ...step.env, ...env },
    stdio: [step.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => undefined).end(step.stdin ?? '');
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

// Commands: other programs that the build runs to their end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BuildError } from './build-error.ts';

/** What is kept of a command's output for its error message: the end of it tells why. */
const OUTPUT_TAIL_CHARACTERS = 4_000;

/**
 * Runs `file` and resolves to its standard output. Its input is empty; what it prints is shown only if it fails.
 * @throws BuildError `command_failed` when it cannot be started or does not exit with 0.
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  let code: number | null;
  let signal: NodeJS.Signals | null;
  try {
    [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  } catch (cause) {
    throw new BuildError('command_failed', `cannot start ${file}: ${(cause as Error).message}`, { cause });
  }
  if (code === 0) return output;
  const said = `${output}${errors}`.trim().slice(-OUTPUT_TAIL_CHARACTERS);
  throw new BuildError('command_failed', `${file} ended with ${signal ?? code}:\n${said}`);
}

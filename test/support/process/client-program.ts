// wsproxy and tcptows as processes, from their sources.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = {
  wsproxy: fileURLToPath(new URL('../../../services/clients/wsproxy/main.ts', import.meta.url)),
  tcptows: fileURLToPath(new URL('../../../services/clients/tcptows/main.ts', import.meta.url)),
} as const;

/** The shell words that start a program, for a ProxyCommand. */
export function commandOf(program: keyof typeof MAIN): string {
  return `'${process.execPath}' '${MAIN[program]}'`;
}

/** Without the proxies and authorities of the machine that runs the tests. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...extra };
}

export interface ClientProgram {
  readonly child: ChildProcessWithoutNullStreams;
  /** What came so far. */
  readonly errors: () => string;
  /** The exit code, or the signal's name. */
  readonly exit: Promise<number | string>;
}

export function startClientProgram(
  program: keyof typeof MAIN,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ClientProgram {
  const child = spawn(process.execPath, [MAIN[program], ...args], { env: cleanEnvironment(env) });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.on('error', () => undefined);
  const exit = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { child, errors: () => errors, exit };
}

/** All that a program prints until it ends. */
export async function outputOf({ child, exit, errors }: ClientProgram): Promise<{
  readonly output: Buffer;
  readonly errors: string;
  readonly code: number | string;
}> {
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await exit;
  return { output: Buffer.concat(chunks), errors: errors(), code };
}

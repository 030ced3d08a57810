// A relay that is started as a person might, and what the system says of its process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { cleanEnvironment } from '../process/client-program.ts';

const FREE_PORTS = { HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0', DRAIN_DELAY_SECONDS: '0' };

export interface RelayStart {
  /** Of Node. */
  readonly node?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface StartedRelay extends AsyncDisposable {
  readonly pid: number;
  /** `http://127.0.0.1:PORT` of the internal listener. */
  readonly internalUrl: string;
  readonly errors: () => string;
  /** Its command line, from the first flag to the script, without that. */
  readonly flags: () => Promise<readonly string[]>;
  /** Sends SIGTERM, and resolves with what it ended with. */
  readonly end: () => Promise<number | string>;
}

export type Started = StartedRelay | { readonly code: number | string; readonly errors: string };

/** Starts `script`. Resolves when it listens, or when it has ended without. */
export async function startRelayWith(script: string, start: RelayStart = {}): Promise<Started> {
  const { node = process.execPath, flags = [], env = {} } = start;
  const child = spawn(node, [...flags, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...FREE_PORTS, ...env },
  });
  const { pid = 0, stdout, stderr } = child;
  let errors = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exit = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  let internalPort: number | undefined;
  for await (const line of createInterface(stdout)) {
    const { listener, port } = JSON.parse(line) as { listener?: string; port?: number };
    if (listener === 'internal') internalPort = port;
    // The last of the two: it is there as a whole.
    if (listener !== 'public') continue;
    stdout.resume();
    return {
      pid,
      internalUrl: `http://127.0.0.1:${internalPort}`,
      errors: () => errors,
      async flags() {
        const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
        return words.slice(1, words.indexOf(script));
      },
      end() {
        child.kill('SIGTERM');
        return exit;
      },
      async [Symbol.asyncDispose]() {
        child.kill('SIGKILL');
        await exit;
      },
    };
  }
  return { code: await exit, errors };
}

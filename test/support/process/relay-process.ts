// The relay as people run it: dist/relay/main.js in a process of its own, on ports that are free.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DIST } from '../../../deploy/build/source-tree.ts';

const HINT = /^Converge relay at (http\S+)/;

export interface RelayProcess extends AsyncDisposable {
  /** `http://localhost:PORT` of the public listener. */
  readonly url: string;
}

/** Starts a relay and waits until it listens. @throws Error with what it said when it ends before that. */
export async function startRelayProcess(environment: Record<string, string> = {}): Promise<RelayProcess> {
  const child = spawn(process.execPath, [join(DIST, 'relay/main.js'), '--hints'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0', ...environment },
  });
  const ended = once(child, 'close');
  let said = '';
  for await (const line of createInterface(child.stderr)) {
    said += `${line}\n`;
    const [, url] = HINT.exec(line) ?? [];
    if (url === undefined) continue;
    child.stderr.resume();
    return {
      url,
      [Symbol.asyncDispose]: async () => {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }
  throw new Error(`the relay ended before it listened: ${said}`);
}

// The script of a whole session, which runs on any system, as a test runs it here.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from '../../../deploy/build/source-tree.ts';

export interface WholeSession {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end with `env` on top: `AGENT` and `WSPROXY` are other programs than those of dist/. */
export async function runWholeSession(env: Readonly<Record<string, string>> = {}): Promise<WholeSession> {
  const script = join(ROOT, 'test/laptops/whole-session.ts');
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: await stdout, stderr: await stderr };
}

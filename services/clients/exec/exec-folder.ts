// The folder of one exec: what ssh says, what happens to the connection, and for a script the program that answers for a password.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellQuoted } from '#shared/text/shell-quoted.ts';
import type { ExecFiles } from './exec-request.ts';

/** Of each file as much is read, in characters: both hold a few lines. */
const MAX_READ_CHARACTERS = 64 * 1024;

const REMOVE_ATTEMPTS = 5;

export class ExecFolder {
  readonly #path: string;
  readonly files: ExecFiles;

  private constructor(path: string) {
    this.#path = path;
    this.files = { log: join(path, 'log'), events: join(path, 'events') };
  }

  /** A new one, for this user alone. Rejects where the temporary folder takes none. */
  static async make(): Promise<ExecFolder> {
    return new ExecFolder(await mkdtemp(join(tmpdir(), 'wsproxy-')));
  }

  /** What ssh is to ask: `self` if that is one word, which is all that ssh takes; else a script of that. */
  async askpass(self: readonly string[]): Promise<string> {
    const [program = '', ...others] = self;
    if (others.length === 0) return program;
    const path = join(this.#path, 'askpass');
    await writeFile(path, `#!/bin/sh\nexec ${self.map(shellQuoted).join(' ')} "$@"\n`, { mode: 0o700 });
    return path;
  }

  /** What is in a file; nothing if it is not there. */
  async read(name: keyof ExecFiles): Promise<string> {
    const text = await readFile(this.files[name], 'utf8').catch(() => '');
    return text.slice(-MAX_READ_CHARACTERS);
  }

  /** A wsproxy that still says goodbye may write into it meanwhile. Never rejects. */
  async remove(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true, maxRetries: REMOVE_ATTEMPTS }).catch(
      () => undefined,
    );
  }
}

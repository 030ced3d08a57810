// A stream through an ssh that stays: so many bytes one way whenever it is asked, so that nothing starts or ends meanwhile.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { E2eProcess } from '../support/process/started-process.ts';
import type { Sshd } from '../support/ssh/sshd.ts';
import { startRemote } from './remote.ts';

/** At the far end. What is asked for is a number of bytes in a line; the answer goes to standard error. */
const LOOPS = {
  down: 'while read -r bytes; do head -c "$bytes" /dev/zero; echo "done $bytes" >&2; done',
  up: 'while read -r bytes; do head -c "$bytes" >/dev/null; echo "done $bytes" >&2; done',
} as const;

const PIECE = randomBytes(256 * 1024);

export interface StreamOptions {
  readonly host: Sshd;
  readonly folder: string;
  readonly way: keyof typeof LOOPS;
}

export class RemoteStream {
  readonly #ssh: E2eProcess;
  readonly #way: keyof typeof LOOPS;
  #answers = 0;

  constructor(ssh: E2eProcess, way: keyof typeof LOOPS) {
    this.#ssh = ssh;
    this.#way = way;
  }

  /** Of the ssh. */
  get pid(): number {
    return this.#ssh.child.pid ?? 0;
  }

  /** How long `bytes` take, in seconds. The answer comes behind the bytes, in the same channel. */
  async move(bytes: number): Promise<number> {
    const began = performance.now();
    const { stdin } = this.#ssh.child;
    if (stdin === null) throw new Error('no standard input');
    stdin.write(`${bytes}\n`);
    for (let left = this.#way === 'up' ? bytes : 0; left > 0; left -= PIECE.length) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      if (!stdin.write(piece)) await once(stdin, 'drain');
    }
    this.#answers += 1;
    await this.#ssh.see(new RegExp(`(?:done \\d+\\s+[^]*?){${this.#answers}}`));
    return (performance.now() - began) / 1000;
  }
}

/** It ends with `stack`. */
export async function openStream(
  stack: AsyncDisposableStack,
  { host, folder, way }: StreamOptions,
): Promise<RemoteStream> {
  const ssh = startRemote({ host, folder, command: `exec /bin/sh -c '${LOOPS[way]}'` });
  stack.defer(async () => {
    ssh.kill('SIGKILL');
    await ssh.exited;
  });
  const stream = new RemoteStream(ssh, way);
  // Logged in, and wsproxy is there.
  await stream.move(1);
  return stream;
}

// A cutting proxy: TCP that is reset in the middle of what goes over it.
import { connect, createServer, type Socket } from 'node:net';
import { type Listening, listening } from './ports.ts';

export interface CuttingProxy extends Listening {
  /** How many connections came. */
  readonly connections: () => number;
  /** How many of them were cut. */
  readonly cuts: () => number;
}

/** Cuts its first connection when the first number of bytes went over it, both ways together, and so on; later ones live. */
export async function startCuttingProxy(
  targetPort: number,
  cutAfterBytes: readonly number[],
): Promise<CuttingProxy> {
  const left = [...cutAfterBytes];
  const open = new Set<Socket>();
  let connections = 0;
  let cuts = 0;
  const server = createServer((client) => {
    connections += 1;
    const target = connect(targetPort, '127.0.0.1');
    const limit = left.shift() ?? Number.POSITIVE_INFINITY;
    let moved = 0;
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.on('data', (chunk: Buffer) => {
        moved += chunk.length;
        if (moved < limit || from.destroyed) return;
        cuts += 1;
        client.resetAndDestroy();
        target.resetAndDestroy();
      });
      from.pipe(to);
    }
  });
  const { port, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    port,
    connections: () => connections,
    cuts: () => cuts,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await close();
    },
  };
}

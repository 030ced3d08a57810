// Small servers of a test on 127.0.0.1, closed when their block is left.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Makes `server` listen on a free port, or on a unix socket. */
export async function listening(server: Server, path?: string): Promise<Listening> {
  server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path });
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Below the ports that Linux gives to whoever asks for any: no connection or server of another test takes one of these meanwhile. */
const TOLD_PORTS = { least: 10_000, beyond: 32_768 } as const;

/** Workers of a test run tell ports at the same time: each has those of its own remainder. */
const WORKERS = 16;
const WORKER = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS;

/** By this process, whose programs may not listen yet, or may come back to theirs. */
const told = new Set<number>();

/** A port that nothing listens on at the moment, for programs that must be told one. It tells none twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = WORKERS * randomInt(TOLD_PORTS.least / WORKERS, TOLD_PORTS.beyond / WORKERS) + WORKER;
    if (told.has(port)) continue;
    told.add(port);
    const server = createServer();
    try {
      server.listen({ host: '127.0.0.1', port });
      await once(server, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue;
      throw error;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

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

/** Each worker of vitest has a part of them: no other one is told a port while the program of this one has not taken it yet. */
const PARTS = 8;
const PART_PORTS = Math.floor((TOLD_PORTS.beyond - TOLD_PORTS.least) / PARTS);

/** Nor does this one tell a port twice. */
const told = new Set<number>();

/**
 * An address of loopback that no other server of the tests has. Whoever still dials one that is gone, by an address that all
 * have, does not find a server that got its port here, and is not counted by it.
 */
export function ownAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
}

/** A port that nothing listens on at the moment, for programs that must be told one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const part = Number(process.env['VITEST_POOL_ID'] ?? 0) % PARTS;
    const port = TOLD_PORTS.least + part * PART_PORTS + randomInt(PART_PORTS);
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

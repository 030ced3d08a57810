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

/** Those from `least` to the one before `beyond`. */
export interface Ports {
  readonly least: number;
  readonly beyond: number;
}

/** Below the ports that Linux gives to whoever asks for any: no connection or server of another test takes one of these meanwhile. */
const TOLD_PORTS: Ports = { least: 10_000, beyond: 32_768 };
/** More than vitest has workers on any machine of ours: two that told the same port at the same time would both want it. */
const MOST_WORKERS = 8;

/** One of so many equal parts, by its number from 0 on. */
export function partOf({ least, beyond }: Ports, number: number, parts: number): Ports {
  const each = Math.floor((beyond - least) / parts);
  const first = least + (number % parts) * each;
  return { least: first, beyond: first + each };
}

/** The ports that this process may tell programs: a worker of vitest has some of its own. */
export function portsToTell(): Ports {
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 0);
  return worker > 0 ? partOf(TOLD_PORTS, worker - 1, MOST_WORKERS) : TOLD_PORTS;
}

const told = new Set<number>();

/**
 * An address of loopback that no other server of the tests has. Whoever still dials one that is gone, by an address that all
 * have, does not find a server that got its port here, and is not counted by it.
 */
export function ownAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
}

/** A port that nothing listens on at the moment, for programs that must be told one; another one each time. */
export async function freePort(): Promise<number> {
  const { least, beyond } = portsToTell();
  for (;;) {
    if (told.size >= beyond - least) throw new Error(`all ports from ${least} to ${beyond - 1} were told`);
    const port = randomInt(least, beyond);
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

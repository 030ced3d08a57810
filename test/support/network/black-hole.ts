// A black hole in the network: a TCP proxy that can swallow what goes over it, without a word to anybody.
import { connect, createServer, type Socket } from 'node:net';
import { type Listening, listening } from './ports.ts';

export interface BlackHole extends Listening {
  /** Connections that exist, and those that come until `heal`, are dead from here on; none of them is closed. */
  swallow(): void;
  /** New connections work again. */
  heal(): void;
}

export async function startBlackHole(targetPort: number): Promise<BlackHole> {
  const sockets = new Set<Socket>();
  let isSwallowing = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  };
  const server = createServer({ pauseOnConnect: true }, (client) => {
    keep(client);
    if (isSwallowing) return;
    const upstream = connect(targetPort, '127.0.0.1');
    keep(upstream);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.pipe(to);
      // Of a connection that was swallowed, neither end may hear that the other gave it up.
      from.on('close', () => {
        if (!swallowed.has(from)) to.destroy();
      });
    }
  });
  const swallowed = new WeakSet<Socket>();
  const { port, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    port,
    swallow() {
      isSwallowing = true;
      for (const socket of sockets) {
        swallowed.add(socket);
        socket.unpipe();
        socket.pause();
      }
    },
    heal() {
      isSwallowing = false;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await close();
    },
  };
}

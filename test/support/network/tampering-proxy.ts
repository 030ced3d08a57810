// A tampering proxy: TCP in which, once told to, one bit of what goes to the client is another.
import { connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { type Listening, listening } from './ports.ts';

/** Shorter pieces are pings and acknowledgements, in which there is no SSH. In bytes. */
const MIN_PIECE_BYTES = 32;

export interface TamperingProxy extends Listening {
  /** Changes the last bit of the next piece that is long enough. */
  tamper(): void;
}

export async function startTamperingProxy(targetPort: number): Promise<TamperingProxy> {
  const sockets = new Set<Socket>();
  let isTampering = false;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    client.pipe(target);
    target.pipe(tampered()).pipe(client);
  });
  const tampered = (): Transform =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        if (isTampering && chunk.length >= MIN_PIECE_BYTES) {
          isTampering = false;
          chunk[chunk.length - 1] = (chunk.at(-1) ?? 0) ^ 1;
        }
        done(null, chunk);
      },
    });
  const { port, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    port,
    tamper() {
      isTampering = true;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await close();
    },
  };
}

// Small servers of a test on 127.0.0.1, closed when their block is left.
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

/** A port that nothing listens on at the moment, for programs that must be told one. */
export async function freePort(): Promise<number> {
  await using held = await listening(createServer());
  return held.port;
}

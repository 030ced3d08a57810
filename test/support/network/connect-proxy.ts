// An HTTP proxy that knows CONNECT only, and leads every name to this machine; its addresses are what they are.
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ConnectProxy {
  readonly port: number;
  /** The HOST:PORT of every CONNECT that was let through. */
  readonly tunnels: string[];
  /** Other requests that came: there should be none. */
  readonly others: string[];
  close(): Promise<void>;
}

export interface ConnectProxyOptions {
  /** USER:PASSWORD that it demands. */
  readonly credentials?: string;
  /** Answers every CONNECT with this status instead. */
  readonly refuseWith?: number;
}

export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const { credentials, refuseWith } = options;
  const tunnels: string[] = [];
  const others: string[] = [];
  const connections = new Set<Duplex>();
  const server = createServer((request, response) => {
    others.push(`${request.method} ${request.url}`);
    response.writeHead(501).end();
  });
  const expected =
    credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    connections.add(client);
    client.on('error', () => undefined);
    const status = request.headers['proxy-authorization'] === expected ? refuseWith : 407;
    if (status !== undefined) {
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    tunnels.push(request.url ?? '');
    const [, name = '', port] = /^(.*):(\d+)$/.exec(request.url ?? '') ?? [];
    const host = name.startsWith('127.') ? name : '127.0.0.1';
    const target = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(client);
      client.pipe(target);
    });
    connections.add(target);
    target.on('error', () => client.destroy());
    target.on('close', () => client.destroy());
    client.on('close', () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    tunnels,
    others,
    async close() {
      for (const connection of connections) connection.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

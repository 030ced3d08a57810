// A hostile relay: what it tells an agent on the control link, and how it answers the agent's streams.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { until } from '../../support/time/poll.ts';
import { mutatedJson } from '../json-mutation.ts';
import type { Kind } from '../kind.ts';
import { DIAL, GOAWAY, WELCOME } from './direct.ts';

/** On a link that lasts; then it is dropped, so that the agent comes again. */
const MESSAGES_PER_LINK = 20;

/** An agent that has not come back by then will not. */
const BACK_WITHIN_MS = 60_000;

const STREAM_ANSWERS = [
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
  'HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\n{"co',
  'HTTP/1.1 503 x\r\nRetry-After: -1\r\nContent-Length: 36\r\n\r\n{"code":"draining","message":"\u001b[2J"}',
  'HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'HTTP/1.1 301 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n',
  '\0\0\0',
  '',
];

/** The links that wait for somebody to say something on them. */
class Links {
  readonly #waiting: WebSocket[] = [];

  add(link: WebSocket): void {
    link.on('error', () => undefined);
    this.#waiting.push(link);
  }

  take(): Promise<WebSocket> {
    return until('the agent dials again', () => this.#waiting.shift(), BACK_WITHIN_MS);
  }
}

export const hostileRelay: Kind = {
  name: 'hostile-relay',
  share: 1_500,
  atATime: 1,
  async open(world) {
    const stack = new AsyncDisposableStack();
    const server = createServer();
    const connections = new Set<Socket>();
    server.on('connection', (connection) => {
      connections.add(connection);
      connection.on('error', () => undefined);
      connection.once('close', () => connections.delete(connection));
    });
    const upgrader = new WebSocketServer({ noServer: true, handleProtocols: () => AGENT_CONTROL });
    const links = new Links();
    let streams = 0;
    server.on('upgrade', (request, connection, head) => {
      if (request.url?.includes('/stream/') === true) {
        connection.end(STREAM_ANSWERS[streams % STREAM_ANSWERS.length]);
        streams += 1;
      } else upgrader.handleUpgrade(request, connection, head, (link) => links.add(link));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(async () => {
      for (const connection of connections) connection.destroy();
      server.close();
      await once(server, 'close');
    });
    const agent = await world.startAgentAt(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    // Before the relay: an agent whose relay is gone for good ends, and says why.
    stack.use(agent);
    return {
      async play(cases) {
        const link = await links.take();
        link.send(JSON.stringify(WELCOME));
        for (let left = MESSAGES_PER_LINK; left > 0 && link.readyState === link.OPEN; left -= 1) {
          const bytes = cases.next((chance) => mutatedJson([WELCOME, DIAL, DIAL, GOAWAY], chance));
          if (bytes === undefined) break;
          const answered = once(link, 'pong').catch(() => undefined);
          const closed = once(link, 'close').catch(() => undefined);
          link.send(bytes.toString());
          link.ping();
          await Promise.race([answered, closed]);
        }
        link.terminate();
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  },
};

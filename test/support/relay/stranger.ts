// A stranger: one address of loopback, from which somebody opens as many connections as they like.
import { connect, type Socket } from 'node:net';
import { handshakeText } from './relay.ts';

/** This many connections are being opened at a time: more would only wait in the kernel's queue. */
const AT_A_TIME = 256;

/** The first byte of a ping; and a pong, masked with zeros (RFC 6455 section 5.5). */
const PING = '\x89';
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export interface HttpAnswer {
  readonly status: number;
  /** Of `Retry-After`; undefined if there is none. */
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** One connection of the stranger. */
export interface Knock {
  readonly socket: Socket;
  /** What came back, once its headers are there. */
  answer: HttpAnswer | undefined;
}

export class Stranger implements Disposable {
  readonly address: string;
  readonly knocks: Knock[] = [];
  readonly #port: number;

  constructor(port: number, address: string) {
    this.#port = port;
    this.address = address;
  }

  /** Opens `count` connections and sends a request on each; `path` is given the number of the connection. */
  async knock(
    count: number,
    path: (index: number) => string,
    headers: Readonly<Record<string, string>> | ((index: number) => Readonly<Record<string, string>>) = {},
  ): Promise<void> {
    let next = 0;
    const open = async (): Promise<void> => {
      while (next < count) {
        const index = next;
        next += 1;
        const more = typeof headers === 'function' ? headers(index) : headers;
        await this.#open(handshakeText(path(index), more));
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, open));
  }

  /** Those that were answered with `status` so far. */
  answered(status: number): HttpAnswer[] {
    return this.knocks.flatMap(({ answer }) => (answer?.status === status ? [answer] : []));
  }

  /** Those whose connection is open and has no answer. */
  get pending(): number {
    return this.knocks.filter(({ socket, answer }) => answer === undefined && !socket.destroyed).length;
  }

  leave(): void {
    for (const { socket } of this.knocks.splice(0)) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  /** Resolves when the request is sent, or when the connection came to nothing. */
  #open(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect({ port: this.#port, host: '127.0.0.1', localAddress: this.address });
    const knock: Knock = { socket, answer: undefined };
    this.knocks.push(knock);
    let received = '';
    socket.setEncoding('latin1');
    socket.on('data', (data: string) => {
      received += data;
      knock.answer ??= answerFrom(received);
      // Whoever has a WebSocket keeps it, however long the others take to come.
      if (knock.answer?.status === 101 && data.includes(PING)) socket.write(PONG);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve();
    });
    socket.on('connect', () => {
      socket.write(text);
      resolve();
    });
    return promise;
  }
}

function answerFrom(text: string): HttpAnswer | undefined {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(text) ?? [];
  if (status === undefined || !text.includes('\r\n\r\n')) return undefined;
  return { status: Number(status), retryAfter: /^retry-after: (.*)$/im.exec(head)?.[1], body };
}

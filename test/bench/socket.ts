// Raw sockets of the bench: a WebSocket as its bytes, so that opening it costs less than what is measured.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const ANSWER_WITHIN_MS = 30_000;

export interface Opened {
  readonly socket: Socket;
  /** What came behind the handshake. */
  readonly head: Buffer;
}

/** Opens `path` on a port of 127.0.0.1. The socket is paused. @throws Error if the answer is not 101 */
export function openUpgraded(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Opened> {
  const { promise, resolve, reject } = Promise.withResolvers<Opened>();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let answer: Buffer = Buffer.alloc(0);
  const fail = (why: string): void => {
    socket.destroy();
    reject(new Error(`${path}: ${why}`));
  };
  const timer = setTimeout(() => fail('no answer'), ANSWER_WITHIN_MS);
  const hear = (chunk: Buffer): void => {
    answer = Buffer.concat([answer, chunk]);
    const end = answer.indexOf('\r\n\r\n');
    if (end === -1) return;
    clearTimeout(timer);
    socket.off('data', hear);
    socket.pause();
    if (!answer.toString('latin1', 0, 12).endsWith('101')) return fail(answer.toString('latin1'));
    resolve({ socket, head: answer.subarray(end + 4) });
  };
  socket.on('data', hear);
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('closed'));
  const lines = Object.entries({
    Host: `127.0.0.1:${port}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  socket.write([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
  return promise;
}

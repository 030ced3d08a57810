// Raw sockets of the bench: a WebSocket as its bytes, so that the load costs less than what is measured.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { headerBytes, OPCODES, writeHeader } from '#shared/websocket/frame-header.ts';
import { WebSocketFrameParser } from '#shared/websocket/frame-parser.ts';

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

/** A binary frame of a client with a payload of random bytes. A mask of zero costs neither end anything. */
export function clientFrame(payloadBytes: number, mask: 'zero' | 'random'): Buffer {
  const header = headerBytes(payloadBytes, true);
  const frame = randomBytes(header + payloadBytes);
  writeHeader(frame, 0, OPCODES.binary, payloadBytes, true);
  if (mask === 'random') randomBytes(4).copy(frame, header - 4);
  return frame;
}

/** Counts what arrives at one end. */
export class Sink {
  #bytes = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached: () => void = () => undefined;

  readonly count = (bytes: number): void => {
    this.#bytes += bytes;
    if (this.#bytes >= this.#wanted) this.#reached();
  };

  /** What `more` still waits for, in bytes. */
  get missing(): number {
    return this.#wanted - this.#bytes;
  }

  /** Reads `socket` as what it is. */
  readonly readBytes = (socket: Socket): void => {
    socket.on('data', (chunk: Buffer) => this.count(chunk.length));
  };

  /** Reads the payloads of the frames that come. */
  readFrames({ socket, head }: Opened, areMasked: boolean): void {
    const parser = new WebSocketFrameParser(
      {
        data: (piece) => this.count(piece.length),
        control: () => undefined,
        fault: (fault) => socket.destroy(new Error(JSON.stringify(fault))),
      },
      areMasked,
    );
    if (head.length > 0) parser.push(Buffer.from(head));
    socket.on('data', (chunk: Buffer) => parser.push(chunk));
    socket.resume();
  }

  /** Resolves when `bytes` more have come. */
  more(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wanted = this.#bytes + bytes;
    this.#reached = resolve;
    return promise;
  }
}

/** Writes `unit` again and again, one write each, as fast as it is taken. */
export async function pour(socket: Socket, unit: Buffer, times: number): Promise<void> {
  for (let left = times; left > 0; left -= 1) {
    if (socket.write(unit)) continue;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once('drain', resolve);
    await promise;
  }
}

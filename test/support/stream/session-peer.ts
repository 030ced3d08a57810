// One of the two peers of a session: it writes frames byte by byte, and reads with ws.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { rawFrame } from './raw-frames.ts';

const NO_MASK = Buffer.alloc(4);

/** `masks`: this end dialled. */
export class SessionPeer {
  readonly socket: Socket;
  readonly ws: WebSocket;
  /** Undefined at the end that does not mask. */
  readonly mask: Buffer | undefined;
  readonly #messages: Buffer[] = [];
  readonly pongs: string[] = [];
  pings = 0;
  closedAs: string | undefined;

  constructor(socket: Socket, ws: WebSocket, masks: boolean) {
    this.socket = socket;
    this.ws = ws;
    this.mask = masks ? NO_MASK : undefined;
    ws.on('message', (data: Buffer) => this.#messages.push(data));
    ws.on('pong', (data) => this.pongs.push(data.toString()));
    ws.on('ping', () => {
      this.pings += 1;
    });
    ws.on('close', (code, reason) => {
      this.closedAs = `${code} ${reason.toString()}`;
    });
    ws.on('error', () => undefined);
  }

  get received(): Buffer {
    return Buffer.concat(this.#messages);
  }

  get receivedBytes(): number {
    return this.#messages.reduce((sum, { length }) => sum + length, 0);
  }

  /** One frame, its mask as this end has to. */
  frame(payload: Buffer, opcode = 0x2): Buffer {
    return rawFrame({ payload, opcode, mask: this.mask });
  }

  send(payload: Buffer, opcode = 0x2): void {
    this.socket.write(this.frame(payload, opcode));
  }
}

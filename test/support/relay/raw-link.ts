// A control link below WebSockets: raw frames go out, and what comes back is parsed as far as a stranger cares.
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { until } from '../time/poll.ts';
import { handshakeText, openRaw, type RawConnection } from './relay.ts';

export interface RawLink extends Disposable {
  readonly peer: RawConnection;
  /** Sends `bytes` again and again, as fast as they are taken, until the connection is gone. */
  flood(bytes: Buffer): void;
  /** The close frame, if one has come: `CODE REASON`. */
  closeFrame(): string | undefined;
}

/** Opens `/agent/ID` and waits for the welcome. */
export async function openRawLink(port: number, id: string): Promise<RawLink> {
  const headers = { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() };
  const peer = await openRaw(port, handshakeText(`/agent/${id}`, headers));
  await until('the welcome', () => peer.received().includes('"welcome"'));
  const { socket } = peer;
  return {
    peer,
    flood(bytes) {
      const push = (): void => {
        while (!socket.destroyed && socket.write(bytes));
      };
      socket.on('drain', () => setImmediate(push));
      push();
    },
    closeFrame: () => closeFrameIn(Buffer.from(peer.received(), 'latin1')),
    [Symbol.dispose]: () => {
      peer[Symbol.dispose]();
    },
  };
}

/** A frame as a client sends it, masked with zeros. @param payload of at most 125 bytes */
export function frame(opcode: number, payload: string | Buffer = '', isFinal = true): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([
    Buffer.from([(isFinal ? 0x80 : 0) | opcode, 0x80 | bytes.length, 0, 0, 0, 0]),
    bytes,
  ]);
}

export const TEXT = 1;
export const CONTINUATION = 0;
export const PING = 9;
export const PONG = 10;

/** As many of `piece` as fit one read of a socket. */
export function chunkOf(piece: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil((64 * 1024) / piece.length) }, () => piece));
}

function closeFrameIn(received: Buffer): string | undefined {
  let at = received.indexOf('\r\n\r\n') + 4;
  while (at + 2 <= received.length) {
    const opcode = (received[at] ?? 0) & 0x0f;
    let length = (received[at + 1] ?? 0) & 0x7f;
    let start = at + 2;
    if (length === 126) {
      length = received.readUInt16BE(start);
      start += 2;
    }
    if (start + length > received.length) return undefined;
    if (opcode === 8)
      return `${received.readUInt16BE(start)} ${received.toString('utf8', start + 2, start + length)}`;
    at = start + length;
  }
  return undefined;
}

// SSH packets on a socket, from outside of ssh2: in the clear, and by AES-128-GCM (RFC 4253 section 6, RFC 5647).
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { sshPacket } from './ssh-handshake.ts';

const LENGTH_BYTES = 4;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const PADDING_MIN_BYTES = 4;
const DISCONNECT = 1;

/** The other side has hung up, or says that it will. */
export class HungUp extends Error {}

export abstract class Packets {
  abstract send(payload: Buffer): void;
  protected abstract take(): Promise<Buffer>;

  /**
   * The next message.
   * @throws HungUp when there is none, and Error when it is not of the `wanted` type.
   */
  async receive(wanted?: number): Promise<Buffer> {
    const payload = await this.take();
    const [type] = payload;
    if (type === DISCONNECT) throw new HungUp();
    if (wanted !== undefined && type !== wanted) throw new Error(`message ${type} in place of ${wanted}`);
    return payload;
  }
}

export class ClearPackets extends Packets {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  send(payload: Buffer): void {
    this.#socket.write(sshPacket(payload));
  }

  protected async take(): Promise<Buffer> {
    const length = await take(this.#socket, LENGTH_BYTES);
    return unpadded(await take(this.#socket, length.readUInt32BE()));
  }
}

interface DirectionKeys {
  readonly key: Buffer;
  /** Its last 8 bytes count the packets. */
  readonly nonce: Buffer;
}

export class GcmPackets extends Packets {
  readonly #socket: Socket;
  readonly #keys: { readonly sent: DirectionKeys; readonly received: DirectionKeys };

  constructor(socket: Socket, keys: { readonly sent: DirectionKeys; readonly received: DirectionKeys }) {
    super();
    this.#socket = socket;
    this.#keys = keys;
  }

  send(payload: Buffer): void {
    const { key, nonce } = this.#keys.sent;
    const unpaddedBytes = 1 + payload.length + PADDING_MIN_BYTES;
    const padding = PADDING_MIN_BYTES + ((BLOCK_BYTES - (unpaddedBytes % BLOCK_BYTES)) % BLOCK_BYTES);
    const plain = Buffer.concat([Buffer.of(padding), payload, Buffer.alloc(padding)]);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(plain.length);
    const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(length);
    const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
    this.#socket.write(Buffer.concat([length, encrypted, cipher.getAuthTag()]));
    countOn(nonce);
  }

  protected async take(): Promise<Buffer> {
    const { key, nonce } = this.#keys.received;
    const length = await take(this.#socket, LENGTH_BYTES);
    const encrypted = await take(this.#socket, length.readUInt32BE());
    const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAAD(length);
    decipher.setAuthTag(await take(this.#socket, TAG_BYTES));
    countOn(nonce);
    return unpadded(Buffer.concat([decipher.update(encrypted), decipher.final()]));
  }
}

/** The line without its end. */
export async function takeLine(socket: Socket): Promise<string> {
  let line = '';
  while (!line.endsWith('\r\n')) line += (await take(socket, 1)).toString('latin1');
  return line.slice(0, -2);
}

async function take(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(bytes) as Buffer | null;
    if (chunk?.length === bytes) return chunk;
    if (socket.readableEnded || socket.destroyed) throw new HungUp();
    const waiting = new AbortController();
    const { signal } = waiting;
    await Promise.race([once(socket, 'readable', { signal }), once(socket, 'close', { signal })]);
    waiting.abort();
  }
}

function unpadded(packet: Buffer): Buffer {
  return packet.subarray(1, packet.length - packet.readUInt8());
}

function countOn(nonce: Buffer): void {
  nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) + 1n, 4);
}

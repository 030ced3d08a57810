// A host that a test plays by hand, message by message, with Node's own cryptography: the SSH client of pages has none of it.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import type { LineSink, PacketLine } from '../../../services/clients/browser/ssh/transport/packet-line.ts';
import { WireReader, wireString, wireUint32 } from '../../../services/shared/ssh/strings.ts';

export const MLKEM = 'mlkem768x25519-sha256';
export const CURVE = 'curve25519-sha256';
const HOST_LINE = 'SSH-2.0-Scripted';
/** SubjectPublicKeyInfo around a raw key: RFC 8410, RFC 9935. */
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const MLKEM768_SPKI = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');

export interface ScriptedKey {
  readonly privateKey: KeyObject;
  /** K_S. */
  readonly blob: Buffer;
}

export function makeScriptedKey(): ScriptedKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return { privateKey, blob: Buffer.concat([wireString('ssh-ed25519'), wireString(raw)]) };
}

/** What a test does differently from an honest host. Each is asked for what goes out. */
export interface Lies {
  readonly offer?: (offer: Buffer) => Buffer;
  readonly share?: (share: Buffer) => Buffer;
  readonly hostKey?: Buffer;
  readonly signature?: (signature: Buffer) => Buffer;
  readonly reply?: (reply: Buffer) => Buffer;
  readonly beforeOffer?: (host: ScriptedHost) => void;
  readonly beforeReply?: (host: ScriptedHost) => void;
  readonly beforeNewKeys?: (host: ScriptedHost) => void;
  /** Sealed, and in one piece with NEWKEYS. */
  readonly afterNewKeys?: Buffer;
}

interface Direction {
  readonly key: Buffer;
  readonly nonce: Buffer;
}

export class ScriptedHost {
  readonly key: ScriptedKey;
  /** Message numbers of the client, in order. */
  readonly heard: number[] = [];
  /** The client has ended the connection. */
  isLeft = false;
  readonly method: string;
  #sink: LineSink | undefined;
  #clientLine: string | undefined;
  #bytes = Buffer.alloc(0);
  readonly #payloads: Buffer[] = [];
  #wake = (): void => undefined;
  #toClient: Direction | undefined;
  #fromClient: Direction | undefined;
  #sessionId: Buffer | undefined;

  constructor(method: string = MLKEM, key: ScriptedKey = makeScriptedKey()) {
    this.method = method;
    this.key = key;
  }

  /** The client's end. */
  readonly line: PacketLine = {
    attach: (sink) => {
      this.#sink = sink;
      this.sendRaw(Buffer.from(`${HOST_LINE}\r\n`));
    },
    write: (chunk) => {
      this.#receive(Buffer.from(chunk));
      return true;
    },
    pause: () => undefined,
    resume: () => undefined,
    close: () => this.#left(),
    cut: () => this.#left(),
  };

  /** Bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    this.#sink?.data(bytes);
  }

  send(payload: Uint8Array): void {
    this.sendRaw(this.packet(Buffer.from(payload)));
  }

  /** The next packet that an honest host would send: sealed, if there are keys. */
  packet(payload: Buffer): Buffer {
    const direction = this.#toClient;
    const block = direction === undefined ? 8 : 16;
    const outside = direction === undefined ? 4 : 0;
    const padding = 4 + ((block - ((outside + 5 + payload.length) % block)) % block);
    const body = Buffer.concat([Buffer.of(padding), payload, Buffer.alloc(padding)]);
    const length = wireUint32(body.length);
    if (direction === undefined) return Buffer.concat([length, body]);
    const cipher = createCipheriv('aes-256-gcm', direction.key, nextNonce(direction)).setAAD(length);
    return Buffer.concat([length, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
  }

  /** The client's next message; rejects once it has left. */
  async next(): Promise<Buffer> {
    for (;;) {
      this.#parse();
      const payload = this.#payloads.shift();
      if (payload !== undefined) return payload;
      if (this.isLeft) throw new Error('the client has left');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** A whole key exchange, but for the client's NEWKEYS, which `next` gives. */
  async exchange(lies: Lies = {}): Promise<void> {
    lies.beforeOffer?.(this);
    const clientOffer = await this.next();
    const offer = honestOffer(this.method);
    const sentOffer = lies.offer?.(offer) ?? offer;
    this.send(sentOffer);
    const init = await this.#share(clientOffer, sentOffer);
    const clientShare = new WireReader(init.subarray(1)).string() ?? Buffer.alloc(0);
    const answered = this.#answer(clientShare);
    const share = lies.share?.(answered.share) ?? answered.share;
    const hostKey = lies.hostKey ?? this.key.blob;
    const hashed = [
      Buffer.from(this.#clientLine ?? ''),
      Buffer.from(HOST_LINE),
      clientOffer,
      sentOffer,
      hostKey,
      clientShare,
      share,
    ];
    const hash = sha256(Buffer.concat([...hashed.map((part) => wireString(part)), answered.secret]));
    const honest = Buffer.concat([
      wireString('ssh-ed25519'),
      wireString(sign(null, hash, this.key.privateKey)),
    ]);
    const signature = lies.signature?.(honest) ?? honest;
    lies.beforeReply?.(this);
    const reply = Buffer.concat([
      Buffer.of(31),
      wireString(hostKey),
      wireString(share),
      wireString(signature),
    ]);
    this.send(lies.reply?.(reply) ?? reply);
    lies.beforeNewKeys?.(this);
    const newKeysSent = this.packet(Buffer.of(21));
    this.#sessionId ??= hash;
    const sessionId = this.#sessionId;
    const derive = (letter: string, bytes: number): Buffer =>
      sha256(Buffer.concat([answered.secret, hash, Buffer.from(letter), sessionId])).subarray(0, bytes);
    this.#toClient = { key: derive('D', 32), nonce: Buffer.from(derive('B', 12)) };
    const { afterNewKeys } = lies;
    const sealed = afterNewKeys === undefined ? Buffer.alloc(0) : this.packet(afterNewKeys);
    this.sendRaw(Buffer.concat([newKeysSent, sealed]));
    const newKeys = await this.next();
    if (newKeys[0] !== 21) throw new Error(`the client sends ${newKeys[0]} in place of NEWKEYS`);
    this.#fromClient = { key: derive('C', 32), nonce: Buffer.from(derive('A', 12)) };
  }

  /** The client's share: what it guessed is skipped if the guess was wrong (RFC 4253 section 7.1). */
  async #share(clientOffer: Buffer, offer: Buffer): Promise<Buffer> {
    const init = await this.next();
    const [theirs, ours] = [clientOffer, offer].map(firstsOf);
    const isGuess = clientOffer.at(-5) === 1;
    return isGuess && String(theirs) !== String(ours) ? await this.next() : init;
  }

  /** Takes whoever comes, without a proof. */
  async letIn(): Promise<void> {
    await this.next();
    this.send(Buffer.concat([Buffer.of(6), wireString('ssh-userauth')]));
    await this.next();
    this.send(Buffer.of(52));
  }

  /** Takes the channel that the client opens next; returns the client's id of it. */
  async takeChannel(windowBytes = 2 ** 20, packetBytes = 32_768): Promise<number> {
    const reader = new WireReader((await this.next()).subarray(1));
    reader.string();
    const id = reader.uint32() ?? 0;
    const words = [id, 7, windowBytes, packetBytes].map((word) => wireUint32(word));
    this.send(Buffer.concat([Buffer.of(91), ...words]));
    return id;
  }

  #answer(clientShare: Buffer): { readonly share: Buffer; readonly secret: Buffer } {
    const pair = generateKeyPairSync('x25519');
    const own = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const theirs = spki(X25519_SPKI, clientShare.subarray(-32));
    const classic = diffieHellman({ privateKey: pair.privateKey, publicKey: theirs });
    if (this.method === CURVE) return { share: own, secret: mpint(classic) };
    const { sharedKey, ciphertext } = encapsulate(spki(MLKEM768_SPKI, clientShare.subarray(0, 1_184)));
    return {
      share: Buffer.concat([ciphertext, own]),
      secret: wireString(sha256(Buffer.concat([sharedKey, classic]))),
    };
  }

  #receive(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#clientLine === undefined) {
      const end = this.#bytes.indexOf('\r\n');
      if (end === -1) return;
      this.#clientLine = this.#bytes.toString('latin1', 0, end);
      this.#bytes = this.#bytes.subarray(end + 2);
    }
    this.#wake();
  }

  /** One at a time: the next one may have other keys. */
  #parse(): void {
    const direction = this.#fromClient;
    const tag = direction === undefined ? 0 : 16;
    if (this.#bytes.length < 4 || this.#bytes.length < 4 + this.#bytes.readUInt32BE(0) + tag) return;
    const end = 4 + this.#bytes.readUInt32BE(0);
    let body = this.#bytes.subarray(4, end);
    if (direction !== undefined) {
      const decipher = createDecipheriv('aes-256-gcm', direction.key, nextNonce(direction));
      decipher.setAAD(this.#bytes.subarray(0, 4)).setAuthTag(this.#bytes.subarray(end, end + tag));
      body = Buffer.concat([decipher.update(body), decipher.final()]);
    }
    this.#bytes = this.#bytes.subarray(end + tag);
    const payload = body.subarray(1, body.length - (body[0] ?? 0));
    this.heard.push(payload[0] ?? 0);
    this.#payloads.push(payload);
  }

  #left(): void {
    this.isLeft = true;
    this.#parse();
    this.#wake();
  }
}

/** KEXINIT of a host that speaks this method. */
export function honestOffer(
  method: string,
  names: Partial<Record<'hostKey' | 'cipher' | 'pack', string>> = {},
): Buffer {
  const { hostKey = 'ssh-ed25519', cipher = 'aes256-gcm@openssh.com', pack = 'none' } = names;
  const lists = [
    `${method},kex-strict-s-v00@openssh.com`,
    hostKey,
    cipher,
    cipher,
    'hmac-sha2-256',
    'hmac-sha2-256',
  ];
  const all = [...lists, pack, pack, '', ''].map((list) => wireString(list));
  return Buffer.concat([Buffer.of(20), Buffer.alloc(16, 3), ...all, Buffer.alloc(5)]);
}

/** The first key exchange and the first host key of a KEXINIT. */
function firstsOf(offer: Buffer): readonly (string | undefined)[] {
  const reader = new WireReader(offer.subarray(17));
  return [reader.text(), reader.text()].map((list) => list?.split(',', 1)[0]);
}

function nextNonce({ nonce }: Direction): Buffer {
  const used = Buffer.from(nonce);
  nonce.writeBigUInt64BE(BigInt.asUintN(64, nonce.readBigUInt64BE(4) + 1n), 4);
  return used;
}

function spki(head: Buffer, raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([head, raw]), format: 'der', type: 'spki' });
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function mpint(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(start);
  return wireString((digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

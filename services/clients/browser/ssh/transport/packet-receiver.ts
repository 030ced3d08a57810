// The packet receiver: chunks in, payloads out, in order, however many are being opened at once.
//
// One at a time where a payload may change the keys for the next packet: before there are keys, and from our share of a
// later key exchange until the host's NEWKEYS, before which it cannot come.
import { SshFault, sshFaultFrom } from '../wire/ssh-fault.ts';
import { HostLineReader } from './identification.ts';
import { type PacketCipher, SEALED_BLOCK_BYTES, TAG_BYTES } from './packet-cipher.ts';
import { decodePlain, PacketFraming, PLAIN_BLOCK_BYTES } from './packet-framing.ts';

/** Being opened, or waiting for their turn after that. */
const MAX_OPENING_BYTES = 1024 * 1024;
/** What may wait before that: then the line is paused. */
const MAX_WAITING_BYTES = 256 * 1024;

export interface ReceiverOwner {
  readonly hostLine: (line: string) => void;
  /** One payload after the other: the next one waits for the promise. A rejection is a fault of the connection. */
  readonly payload: (payload: Uint8Array) => Promise<void> | undefined;
  readonly fault: (fault: SshFault) => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

interface Opening {
  readonly bytes: number;
  readonly payload: Promise<Uint8Array | undefined> | Uint8Array;
}

export class PacketReceiver {
  readonly #owner: ReceiverOwner;
  readonly #framing = new PacketFraming();
  #lines: HostLineReader | undefined = new HostLineReader();
  #cipher: PacketCipher | undefined;
  #isOneByOne = true;
  #openings: Opening[] = [];
  #openingBytes = 0;
  #isHandling = false;
  #isPaused = false;
  #isOver = false;
  #bytes = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(owner: ReceiverOwner) {
    this.#owner = owner;
  }

  /** Payload bytes since the last change of keys. */
  get receivedBytes(): number {
    return this.#bytes;
  }

  /** From the next packet on, which is none of those that were given to `payload` yet. */
  changeKeys(cipher: PacketCipher): void {
    this.#cipher = cipher;
    this.#isOneByOne = false;
    this.#bytes = 0;
  }

  /** The host may change its keys with any packet from here on. */
  expectNewKeys(): void {
    this.#isOneByOne = true;
  }

  push(chunk: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#framing.push(this.#lines === undefined ? chunk : this.#afterLines(this.#lines, chunk));
      this.#open();
    } catch (thrown) {
      this.#fail(sshFaultFrom(thrown));
    }
  }

  /** Resolves when all that came is handled, but for half a packet at its end, or nothing will be handled any more. */
  async settled(): Promise<void> {
    while (this.#isHandling && !this.#isOver)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing more is given to anybody. */
  stop(): void {
    this.#isOver = true;
    this.#openings = [];
    this.#wake();
  }

  #afterLines(lines: HostLineReader, chunk: Uint8Array): Uint8Array {
    const found = lines.read(chunk);
    if (found === undefined) return chunk.subarray(chunk.length);
    this.#lines = undefined;
    this.#owner.hostLine(found.line);
    return chunk.subarray(found.used);
  }

  /** Starts opening what may be opened now. */
  #open(): void {
    while (!this.#isOver && this.#mayOpen()) {
      const cipher = this.#cipher;
      const packet =
        cipher === undefined
          ? this.#framing.next(0, PLAIN_BLOCK_BYTES)
          : this.#framing.next(TAG_BYTES, SEALED_BLOCK_BYTES);
      if (packet === undefined) break;
      this.#bytes += packet.length;
      this.#openingBytes += packet.length;
      const payload = cipher === undefined ? decodePlain(packet) : cipher.open(packet);
      this.#openings.push({ bytes: packet.length, payload });
    }
    this.#pace();
    if (!this.#isHandling) this.#handle().catch((thrown: unknown) => this.#fail(sshFaultFrom(thrown)));
  }

  #mayOpen(): boolean {
    return this.#isOneByOne ? this.#openings.length === 0 : this.#openingBytes < MAX_OPENING_BYTES;
  }

  /** The first opening leaves the list when it was handled, and not before. */
  async #handle(): Promise<void> {
    this.#isHandling = true;
    for (let opening = this.#openings[0]; opening !== undefined; opening = this.#openings[0]) {
      const payload = await opening.payload;
      if (this.#isOver) return;
      if (payload === undefined) throw new SshFault('tampered', 'a packet was altered on its way');
      const handling = this.#owner.payload(payload);
      if (handling !== undefined) await handling;
      this.#openings.shift();
      this.#openingBytes -= opening.bytes;
      this.#open();
    }
    this.#isHandling = false;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #pace(): void {
    const isFull = this.#framing.waitingBytes > MAX_WAITING_BYTES;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#owner.pause();
    else this.#owner.resume();
  }

  #fail(fault: SshFault): void {
    if (this.#isOver) return;
    this.stop();
    this.#owner.fault(fault);
  }
}

// The packet sender: payloads in, packets out, in order, however many are being sealed at once.
import type { PacketCipher } from './packet-cipher.ts';
import { encodePlain } from './packet-framing.ts';
import type { PacketLine } from './packet-line.ts';

/** Being sealed at once: more would only wait for a processor. */
const MAX_SEALING_BYTES = 512 * 1024;
/** A packet around nothing, in bytes. */
const PACKET_OVERHEAD_BYTES = 64;

export class PacketSender {
  readonly #line: PacketLine;
  #cipher: PacketCipher | undefined;
  /** Ends when the last packet so far is on the line. */
  #last: Promise<void> = Promise.resolve();
  #sealingBytes = 0;
  #isLineFull = false;
  #isOver = false;
  readonly #waiting: (() => void)[] = [];
  /** Since the last change of keys. */
  #bytes = 0;
  #pressedBytes = 0;

  constructor(line: PacketLine) {
    this.#line = line;
  }

  /** Payload bytes since the last change of keys. */
  get sentBytes(): number {
    return this.#bytes;
  }

  /** Sent since there was last room, and so kept somewhere: of those who did not wait for `ready`. */
  get pressedBytes(): number {
    return this.#pressedBytes;
  }

  /** From the next payload on. */
  changeKeys(cipher: PacketCipher): void {
    this.#cipher = cipher;
    this.#bytes = 0;
  }

  /** Sends a payload after all that were handed in before. */
  send(payload: Uint8Array): void {
    if (this.#isOver) return;
    this.#bytes += payload.length;
    this.#pressedBytes = this.isReady ? 0 : this.#pressedBytes + payload.length + PACKET_OVERHEAD_BYTES;
    const before = this.#last;
    if (this.#cipher === undefined) {
      const packet = encodePlain(payload);
      this.#last = before.then(() => this.#write(packet, false));
      return;
    }
    this.#sealingBytes += payload.length;
    const sealing = this.#cipher.seal(payload);
    this.#last = before.then(async () => {
      const packet = await sealing;
      this.#sealingBytes -= payload.length;
      this.#write(packet, true);
      this.#wake();
    });
  }

  /** Resolves when there is room for more, or nothing will be sent any more. */
  async ready(): Promise<void> {
    while (!this.#isOver && (this.#isLineFull || this.#sealingBytes >= MAX_SEALING_BYTES)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Whether a payload that is sent now would wait for nothing. */
  get isReady(): boolean {
    return !this.#isLineFull && this.#sealingBytes < MAX_SEALING_BYTES;
  }

  drained(): void {
    this.#isLineFull = false;
    this.#wake();
  }

  /** Resolves when all so far is on the line. */
  async flushed(): Promise<void> {
    await this.#last;
  }

  /** Nothing more is sent. */
  stop(): void {
    this.#isOver = true;
    this.#wake();
  }

  #write(packet: Uint8Array, isRoomy: boolean): void {
    if (this.#isOver) return;
    if (!this.#line.write(packet, isRoomy)) this.#isLineFull = true;
  }

  #wake(): void {
    if (!this.#isOver && !this.isReady) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

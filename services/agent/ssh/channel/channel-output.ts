// The channel output: what a program or a forward sends to the client, paced, in order, and closed after its last byte.
import type { ServerChannel } from 'ssh2';
import { sendExitSignal } from '../ssh2/exit-signal.ts';
import { forgetSentChunk } from '../ssh2/sent-chunk.ts';
import type { ProcessExit } from './process-exit.ts';
import type { TransportGate } from './transport-gate.ts';

/** Above this `write` says stop; at half of it `drained` is called. With ssh2's window it bounds a channel's memory. */
const OUTPUT_HIGH_WATER_BYTES = 128 * 1024;

/** `writing`: ssh2 has not called back for the last chunk. `over`: nothing may be sent any more. */
type Phase = 'idle' | 'writing' | 'over';

export type OutputTarget = 'stdout' | 'stderr';

type Item =
  | { readonly kind: 'chunk'; readonly target: OutputTarget; readonly chunk: Buffer }
  | { readonly kind: 'call'; readonly call: () => void };

/**
 * When stdout and stderr of one channel both wait for window, ssh2 loses one and repeats the other; and it never calls back for
 * a write on a closed channel. So there is one queue, one write at a time, and `abandon`.
 */
export class ChannelOutput {
  readonly #channel: ServerChannel;
  readonly #gate: TransportGate;
  readonly #drained: () => void;
  readonly #queue: Item[] = [];
  #queuedBytes = 0;
  #phase: Phase = 'idle';
  /** `write` has said stop, and `drained` has not been called since. */
  #isSourceStopped = false;

  /** `drained` is called after a `write` that returned false, when there is room again. */
  constructor(channel: ServerChannel, gate: TransportGate, drained: () => void) {
    this.#channel = channel;
    this.#gate = gate;
    this.#drained = drained;
    // A channel that the client has closed takes nothing more.
    channel.on('error', () => {
      this.abandon();
    });
  }

  /** Takes a chunk. False: stop until `drained`. */
  write(target: OutputTarget, chunk: Buffer): boolean {
    if (this.#phase === 'over' || chunk.length === 0) return true;
    this.#queue.push({ kind: 'chunk', target, chunk });
    this.#queuedBytes += chunk.length;
    this.#pump();
    this.#isSourceStopped ||= this.#queuedBytes > OUTPUT_HIGH_WATER_BYTES;
    return !this.#isSourceStopped;
  }

  /** After all output: EOF. The client may go on sending. */
  eof(): void {
    this.#later(() => {
      this.#channel.eof();
    });
  }

  /** At once, as sshd does: how the program ended. Its output may still come, for as long as somebody holds it open. */
  exit(exit: ProcessExit): void {
    if (this.#phase === 'over') return;
    if (exit.kind === 'code') this.#channel.exit(exit.code);
    else sendExitSignal(this.#channel, exit.name, exit.coreDumped);
  }

  /** The reader of stdout has left: what has not been sent of it is dropped. */
  dropStdout(): void {
    const kept = this.#queue.filter((item) => item.kind === 'call' || item.target !== 'stdout');
    if (kept.length === this.#queue.length) return;
    for (const item of this.#queue.splice(0, this.#queue.length, ...kept)) {
      if (item.kind === 'chunk' && item.target === 'stdout') this.#queuedBytes -= item.chunk.length;
    }
    if (this.#queuedBytes <= OUTPUT_HIGH_WATER_BYTES / 2) this.#release();
  }

  /** After all output: how the program ended (if that was not said before), EOF and close. */
  finish(exit?: ProcessExit): void {
    this.#later(() => {
      if (exit !== undefined) this.exit(exit);
      this.#phase = 'over';
      this.#queue.length = 0; // what came after the end
      this.#channel.end(); // in a server this closes as well
    });
  }

  /** The channel or its connection is gone: nothing may be sent any more. May be called twice. */
  abandon(): void {
    this.#phase = 'over';
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#release();
  }

  #later(call: () => void): void {
    if (this.#phase === 'over') return;
    this.#queue.push({ kind: 'call', call });
    this.#pump();
  }

  #pump(): void {
    while (this.#phase === 'idle') {
      const item = this.#queue.shift();
      if (item === undefined) return;
      if (item.kind === 'call') item.call();
      else this.#send(item.target, item.chunk);
    }
  }

  #send(target: OutputTarget, chunk: Buffer): void {
    this.#phase = 'writing';
    const stream = target === 'stdout' ? this.#channel : this.#channel.stderr;
    stream.write(chunk, () => {
      forgetSentChunk(this.#channel);
      this.#gate.whenWritable(() => {
        if (this.#phase === 'over') return;
        this.#phase = 'idle';
        this.#queuedBytes -= chunk.length;
        if (this.#queuedBytes <= OUTPUT_HIGH_WATER_BYTES / 2) this.#release();
        this.#pump();
      });
    });
  }

  #release(): void {
    if (!this.#isSourceStopped) return;
    this.#isSourceStopped = false;
    this.#drained();
  }
}

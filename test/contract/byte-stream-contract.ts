// The contract of the byte stream, B1 to B13 of byte-stream.ts, as tests that any implementation must pass.
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ByteSink,
  type ByteStream,
  MAX_LATE_BYTES,
  type StreamEnd,
} from '#shared/stream/byte-stream.ts';
import type { FarEnd } from '../support/stream/far-end.ts';
import { RecordingSink } from '../support/stream/recording-sink.ts';
import type { ManualClock } from '../support/time/manual-clock.ts';
import { settle, until } from '../support/time/poll.ts';

/** One implementation, ready for one test. */
export interface StreamHarness {
  /** Nobody has attached to it. */
  readonly stream: ByteStream;
  readonly far: FarEnd;
  /** What the far end has sent already, where a stream is not one before something has come. */
  readonly preface?: Buffer;
  /** Lets happen what is due, where no event loop does. */
  readonly nudge?: () => void;
  /** Of a stream that has a time for its close. */
  readonly closeTime?: { readonly clock: ManualClock; readonly withinMs: number };
  readonly stop?: () => void;
}

/** More than all buffers between two ends hold, in bytes: a stream that takes it all knows no bound. */
const NO_BOUND_BYTES = 64 * 1024 * 1024;

/** In how many turns of the event loop everything happens that is going to. */
const QUIET_TURNS = 25;

const BULK_BYTES = 1024 * 1024;

/** A sink that notes in which order it is called. */
class OrderedSink extends RecordingSink {
  readonly calls: string[] = [];
  /** What it does from within its own calls. */
  readonly onData: ((chunk: Buffer, headroom: number) => void) | undefined;

  constructor(onData?: (chunk: Buffer, headroom: number) => void) {
    super();
    this.onData = onData;
  }

  override data(chunk: Buffer, headroom = 0): void {
    this.calls.push('data');
    super.data(chunk);
    this.onData?.(chunk, headroom);
  }

  override drained(): void {
    this.calls.push('drained');
    super.drained();
  }

  override ended(end: StreamEnd): void {
    this.calls.push('ended');
    super.ended(end);
  }
}

/** Bytes that differ from place to place, so that a lost, doubled or swapped chunk shows. */
function numbered(length: number, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (from + at + ((from + at) >> 8) * 7) % 251;
  return bytes;
}

/** One stream, and what a test does with it and its far end. */
class Trial {
  readonly stream: ByteStream;
  readonly far: FarEnd;
  readonly harness: StreamHarness;
  readonly #preface: Buffer;

  constructor(harness: StreamHarness) {
    this.harness = harness;
    this.stream = harness.stream;
    this.far = harness.far;
    this.#preface = harness.preface ?? Buffer.alloc(0);
  }

  attach(onData?: (chunk: Buffer, headroom: number) => void): OrderedSink {
    const sink = new OrderedSink(onData);
    this.stream.attach(sink);
    return sink;
  }

  /** Attaches, and waits for what came before. */
  async listen(): Promise<OrderedSink> {
    const sink = this.attach();
    await this.soon('the preface', () => sink.bytes === this.#preface.length);
    return sink;
  }

  /** What `sink` got, without the preface. */
  taken(sink: OrderedSink): Buffer {
    return Buffer.concat(sink.chunks).subarray(this.#preface.length);
  }

  async soon(what: string, condition: () => boolean): Promise<void> {
    await until(what, () => {
      this.harness.nudge?.();
      return condition();
    });
  }

  /** Lets everything happen that is going to. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < QUIET_TURNS; turn += 1) {
      this.harness.nudge?.();
      await settle();
    }
  }

  /** Writes until the stream is told to stop and stays so, and is not heeded once more. The result is what was written. */
  async fill(sink: OrderedSink): Promise<Buffer> {
    this.far.stall();
    const chunks: Buffer[] = [];
    let bytes = 0;
    while (bytes < NO_BOUND_BYTES) {
      const chunk = numbered(16 * 1024, bytes);
      chunks.push(chunk);
      bytes += chunk.length;
      if (this.stream.write(chunk)) continue;
      const { drains } = sink;
      await this.quiet();
      if (sink.drains > drains) continue;
      const last = numbered(1_000, bytes);
      this.stream.write(last);
      return Buffer.concat([...chunks, last]);
    }
    throw new Error(`a peer that reads nothing has cost ${bytes} bytes`);
  }

  /** Writes all of it, at the pace of the stream, in pieces of many sizes. */
  async writeAll(sink: OrderedSink, bytes: Buffer): Promise<void> {
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const end = at + 1 + ((turn * 7_919) % 40_000);
      const { drains } = sink;
      if (!this.stream.write(Buffer.from(bytes.subarray(at, end))))
        await this.soon('drained', () => sink.drains > drains);
      at = end;
    }
  }

  async ended(sink: OrderedSink): Promise<StreamEnd> {
    await this.soon('the end', () => sink.ends.length > 0);
    return sink.end;
  }

  /** Every call there is, after the end. */
  callEverything(): void {
    expect(this.stream.write(Buffer.from('too late'))).toBe(true);
    this.stream.pause();
    this.stream.resume();
    this.stream.close({ reason: 'restart' });
    this.stream.cut({ reason: 'restart' });
  }
}

/** Declares the suite for the implementation that `open` gives. B10 is asked of those that have a time for their close. */
export function describeByteStream(
  name: string,
  open: () => StreamHarness | Promise<StreamHarness>,
  { hasCloseTime }: { readonly hasCloseTime: boolean },
): void {
  async function start(): Promise<Trial> {
    const harness = await open();
    onTestFinished(() => harness.stop?.());
    return new Trial(harness);
  }

  describe(`the contract of the byte stream, kept by ${name}`, () => {
    test('B1 what comes before somebody attaches is delivered first, and what is written before gets there', async () => {
      const trial = await start();
      trial.far.send(Buffer.from('early, '));
      trial.stream.write(Buffer.from('early as well'));
      await trial.quiet();
      const sink = trial.attach();
      trial.far.send(Buffer.from('then late'));
      await trial.soon('all of it', () => trial.taken(sink).toString() === 'early, then late');
      await trial.soon('the write', () => trial.far.received().toString() === 'early as well');
    });

    test('B2 a second attach throws: while it is open, while it closes and after the end', async () => {
      const trial = await start();
      const first = trial.attach();
      const second = new RecordingSink();
      const again = () => expect(() => trial.stream.attach(second)).toThrow('attached');
      again();
      await trial.fill(first);
      trial.stream.close({ reason: 'ended' });
      again();
      trial.stream.cut({ reason: 'fault' });
      await trial.ended(first);
      again();
      await trial.quiet();
      expect(second.ends).toEqual([]);
    });

    test('B3 bytes travel both ways at once, each once and in order', async () => {
      const trial = await start();
      const sink = await trial.listen();
      const [out, back] = [numbered(BULK_BYTES), numbered(BULK_BYTES, 99)];
      for (let at = 0, size = 1; at < back.length; at += size, size = 1 + ((size * 31) % 50_000)) {
        trial.far.send(back.subarray(at, at + size));
      }
      await trial.writeAll(sink, out);
      await trial.soon('all of it', () => trial.taken(sink).length === back.length);
      await trial.soon('all of it', () => trial.far.received().length === out.length);
      expect(trial.taken(sink).equals(back)).toBe(true);
      expect(trial.far.received().equals(out)).toBe(true);
    });

    test('B3 an empty chunk is nothing', async () => {
      const trial = await start();
      const sink = await trial.listen();
      for (const word of ['', 'a', '', '', 'b', '']) {
        trial.stream.write(Buffer.from(word));
        trial.far.send(Buffer.from(word));
      }
      await trial.soon('both ways', () => trial.taken(sink).length + trial.far.received().length === 4);
      expect([trial.taken(sink).toString(), trial.far.received().toString()]).toEqual(['ab', 'ab']);
      expect(sink.ends).toEqual([]);
    });

    test.each([0, 1, 14, 32])(
      'B4 only the %i bytes of headroom before a chunk are written to',
      async (headroom) => {
        const trial = await start();
        await trial.listen();
        const sent: Buffer[] = [];
        for (const length of [1, 100, 200, 5_000, 70_000]) {
          const memory = Buffer.alloc(64 + length + 64, 0xaa);
          numbered(length).copy(memory, 64);
          const before = Buffer.from(memory);
          trial.stream.write(memory.subarray(64, 64 + length), headroom);
          sent.push(numbered(length));
          await trial.soon('it', () => trial.far.received().equals(Buffer.concat(sent)));
          before.copy(memory, 64 - headroom, 64 - headroom, 64);
          expect(memory.equals(before)).toBe(true);
        }
      },
    );

    test('B5 what the sink writes into a chunk and its headroom changes nothing that comes later', async () => {
      const trial = await start();
      const copies: Buffer[] = [];
      trial.attach((chunk, headroom) => {
        copies.push(Buffer.from(chunk));
        Buffer.from(chunk.buffer, chunk.byteOffset - headroom, headroom + chunk.length).fill(0xff);
      });
      const bytes = numbered(BULK_BYTES);
      for (let at = 0; at < bytes.length; at += 30_011) trial.far.send(bytes.subarray(at, at + 30_011));
      const taken = () => Buffer.concat(copies).subarray(trial.harness.preface?.length ?? 0);
      await trial.soon('all of it', () => taken().length === bytes.length);
      expect(taken().equals(bytes)).toBe(true);
    });

    test('B6 a peer that takes nothing stops the writer; once it takes, all comes, and one drained', async () => {
      const trial = await start();
      const sink = await trial.listen();
      const written = await trial.fill(sink);
      const { drains } = sink;
      trial.far.read();
      await trial.soon('all of it', () => trial.far.received().length === written.length);
      expect(trial.far.received().equals(written)).toBe(true);
      await trial.soon('drained', () => sink.drains > drains);
      await trial.quiet();
      expect(sink.drains).toBe(drains + 1);
    });

    test('B6 a writer hears drained once for a write that said false, and never for one that did not', async () => {
      const trial = await start();
      const sink = await trial.listen();
      let bytes = 0;
      // Between them lie the marks at which the kinds of streams, and what is below them, say that they are full.
      for (const size of [1, 100, 900, 1_100, 20_000, 70_000, 90_000, 200_000]) {
        const { drains } = sink;
        const isTaken = trial.stream.write(numbered(size));
        bytes += size;
        await trial.soon('it', () => trial.far.received().length === bytes);
        await trial.quiet();
        expect(sink.drains - drains).toBe(isTaken ? 0 : 1);
      }
    });

    test('B7 pause stops the flow, resume lets it go on; twice is once', async () => {
      const trial = await start();
      const sink = await trial.listen();
      trial.stream.pause();
      trial.stream.pause();
      const bytes = numbered(BULK_BYTES);
      for (let at = 0; at < bytes.length; at += 16_384) trial.far.send(bytes.subarray(at, at + 16_384));
      await trial.quiet();
      expect(trial.taken(sink).length).toBeLessThanOrEqual(MAX_LATE_BYTES);
      trial.stream.resume();
      trial.stream.resume();
      await trial.soon('all of it', () => trial.taken(sink).length === bytes.length);
      expect(trial.taken(sink).equals(bytes)).toBe(true);
    });

    test('B7 a pause before attach holds, and a resume before it lets it flow', async () => {
      const trial = await start();
      trial.stream.pause();
      trial.far.send(Buffer.from('held'));
      const sink = trial.attach();
      await trial.quiet();
      expect(sink.bytes).toBe(0);
      trial.stream.resume();
      await trial.soon('it', () => trial.taken(sink).toString() === 'held');
      const other = await start();
      other.stream.pause();
      other.stream.resume();
      const flowing = other.attach();
      other.far.send(Buffer.from('free'));
      await other.soon('it', () => other.taken(flowing).toString() === 'free');
    });

    test('B8 all that a peer sent before it left comes before the end, at the pace of the sink', async () => {
      const trial = await start();
      const sink = await trial.listen();
      trial.stream.pause();
      const bytes = numbered(300_000);
      for (let at = 0; at < bytes.length; at += 16_384) trial.far.send(bytes.subarray(at, at + 16_384));
      trial.far.leave();
      await trial.quiet();
      expect(sink.ends).toEqual([]);
      trial.stream.resume();
      expect(await trial.ended(sink)).toMatchObject({ reason: 'ended' });
      expect(trial.taken(sink).equals(bytes)).toBe(true);
    });

    test('B9 close delivers what was written and tells the peer; the first close is what counts', async () => {
      const trial = await start();
      const sink = await trial.listen();
      const written = await trial.fill(sink);
      const callsBefore = sink.calls.length;
      trial.stream.close({ reason: 'expired' });
      trial.stream.close({ reason: 'ended' });
      expect(trial.stream.write(Buffer.from('too late'))).toBe(true);
      trial.far.read();
      await trial.soon('the peer knows', () => trial.far.isOver());
      expect(trial.far.received().equals(written)).toBe(true);
      expect(await trial.ended(sink)).toMatchObject({ reason: 'expired' });
      await trial.quiet();
      expect(sink.calls.slice(callsBefore)).toEqual(['ended']);
      expect(trial.far.received()).toHaveLength(written.length);
    });

    test('B9 nothing reaches the sink after close, also not what waited for it', async () => {
      const trial = await start();
      const sink = await trial.listen();
      trial.stream.pause();
      trial.far.send(numbered(1_000));
      await trial.quiet();
      const callsBefore = sink.calls.length;
      trial.stream.close({ reason: 'ended' });
      trial.far.send(Buffer.from('too late'));
      trial.stream.resume();
      await trial.ended(sink);
      await trial.quiet();
      expect(sink.calls.slice(callsBefore)).toEqual(['ended']);
    });

    if (hasCloseTime)
      test('B10 a peer that does not take the last bytes is cut in time', async () => {
        const trial = await start();
        const sink = await trial.listen();
        await trial.fill(sink);
        const { clock, withinMs } = trial.harness.closeTime ?? expect.fail('it has no time for its close');
        trial.stream.close({ reason: 'ended' });
        clock.advance(withinMs - 1);
        await trial.quiet();
        expect(sink.ends).toEqual([]);
        clock.advance(1);
        expect(await trial.ended(sink)).toMatchObject({ reason: 'stuck' });
      });

    test.each(['open', 'closing'])(
      'B11 cut ends a stream that is %s, though the peer takes nothing',
      async (state) => {
        const trial = await start();
        const sink = await trial.listen();
        await trial.fill(sink);
        const callsBefore = sink.calls.length;
        if (state === 'closing') trial.stream.close({ reason: 'ended' });
        trial.stream.cut({ reason: 'fault' });
        trial.stream.cut({ reason: 'expired' });
        expect(await trial.ended(sink)).toMatchObject({ reason: 'fault' });
        trial.far.read();
        await trial.quiet();
        expect(sink.calls.slice(callsBefore)).toEqual(['ended']);
      },
    );

    test('B12 a sink that comes after the end hears of it once, and of nothing else', async () => {
      const trial = await start();
      trial.stream.cut({ reason: 'fault' });
      await trial.quiet();
      const sink = trial.attach();
      expect(await trial.ended(sink)).toMatchObject({ reason: 'fault' });
      trial.callEverything();
      await trial.quiet();
      expect(sink.calls).toEqual(['ended']);
    });

    test.each(['leaves', 'is left'])('B12 after the end no call does anything: the peer %s', async (who) => {
      const trial = await start();
      const sink = await trial.listen();
      if (who === 'leaves') trial.far.leave();
      else trial.stream.close({ reason: 'expired' });
      await trial.ended(sink);
      const callsBefore = sink.calls.length;
      trial.callEverything();
      await trial.quiet();
      trial.callEverything();
      await trial.quiet();
      expect(sink.calls.slice(callsBefore)).toEqual([]);
      expect(sink.ends).toHaveLength(1);
    });

    test('B13 a sink may write, pause and resume from within its calls, and all stays in order', async () => {
      const trial = await start();
      const bytes = numbered(200_000);
      let calls = 0;
      const sink = trial.attach((chunk) => {
        trial.stream.pause();
        trial.stream.write(Buffer.from(chunk));
        calls += 1;
        if (calls % 2 === 0) trial.stream.resume();
        else setImmediate(() => trial.stream.resume());
      });
      for (let at = 0; at < bytes.length; at += 7_001) trial.far.send(bytes.subarray(at, at + 7_001));
      await trial.soon('all of it', () => trial.taken(sink).length === bytes.length);
      const echo = Buffer.concat(sink.chunks);
      await trial.soon('the echo', () => trial.far.received().length === echo.length);
      expect(trial.taken(sink).equals(bytes)).toBe(true);
      expect(trial.far.received().equals(echo)).toBe(true);
    });

    test.each(['close', 'cut'] as const)(
      'B13 a sink that calls %s from within data gets no more',
      async (how) => {
        const trial = await start();
        const sink: ByteSink & OrderedSink = await trial.listen();
        const callsBefore = sink.calls.length;
        sink.data = () => {
          sink.calls.push('data');
          trial.stream[how]({ reason: 'expired' });
        };
        // All of it waits, so that one read of what carries the stream brings several pieces.
        trial.stream.pause();
        const bytes = numbered(200_000);
        for (let at = 0; at < bytes.length; at += 20_000) trial.far.send(bytes.subarray(at, at + 20_000));
        await trial.quiet();
        trial.stream.resume();
        await trial.ended(sink);
        await trial.quiet();
        expect(sink.calls.slice(callsBefore)).toEqual(['data', 'ended']);
      },
    );
  });
}

// What a bad peer gets: its code, one event, and never a byte of damage to a stream.
import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import {
  encodeAck,
  encodeData,
  encodeFin,
  encodeOpen,
  encodeOpened,
  encodeReset,
} from '#shared/resume/frames.ts';
import {
  FLOW_LIMITS,
  OPEN_TIMEOUT_MS,
  PLAIN_AFTER_MS,
  REPLAY_LIMIT_BYTES,
  STUCK_AFTER_MS,
} from '#shared/resume/limits.ts';
import type { Expectation } from '#shared/resume/new-transport.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { ResumableStreamTable } from '#shared/resume/stream-table.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { RawPeer, STREAM_ID } from '../../../support/resume/resume-peer.ts';
import { makeWire, PERFECT_WIRE, type WireEnd } from '../../../support/resume/resume-wire.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const WINDOW_MS = 120_000;

let clock: ManualClock;
let table: ResumableStreamTable<string>;
let streams: { kind: string; stream: ByteStream; data: Buffer[]; ends: StreamEnd[] }[];
let events: ResumeEvent[];

beforeEach(() => {
  clock = new ManualClock();
  streams = [];
  events = [];
  table = tableWith(WINDOW_MS);
});

function tableWith(resumeWindowMs: number): ResumableStreamTable<string> {
  return new ResumableStreamTable<string>({
    clock,
    resumeWindowMs,
    maxStreams: 2,
    limits: { ...FLOW_LIMITS, windowBytes: 1_000, frameBytes: 250, ackEveryBytes: 100 },
    onStream: (stream, origin) => {
      const served = { kind: origin.kind, stream, data: [] as Buffer[], ends: [] as StreamEnd[] };
      streams.push(served);
      stream.attach({
        data: (chunk) => served.data.push(chunk),
        drained: () => {},
        ended: (end) => served.ends.push(end),
      });
    },
    onEvent: (event) => events.push(event),
  });
}

function connect(expects: Expectation = 'resume'): RawPeer & { readonly wire: WireEnd } {
  const wire = makeWire(clock, PERFECT_WIRE);
  table.accept(wire.agent, { expects, info: 'test' });
  return Object.assign(new RawPeer(wire.client), { wire: wire.agent });
}

function openNew(): RawPeer {
  const peer = connect().open('new');
  clock.advance(0);
  expect(peer.frames).toEqual([{ kind: 'opened', received: 0, resumeWindowMs: WINDOW_MS }]);
  return peer;
}

function bytesOf(at = 0): string {
  return Buffer.concat(streams[at]?.data ?? []).toString();
}

function data(offset: number, text: string): Buffer {
  return encodeData(offset, Buffer.from(text));
}

function expectRefused(peer: RawPeer, code: string): void {
  clock.advance(1);
  expect(peer.frames.at(-1)).toEqual({ kind: 'refused', code });
  expect(peer.end?.reason).toBe('ended');
  expect(events.at(-1)).toMatchObject({ kind: 'refused', code });
}

function expectReset(peer: RawPeer, code: string): void {
  clock.advance(1);
  expect(peer.frames.at(-1)).toEqual({ kind: 'reset', code });
  expect(events.at(-1)).toMatchObject({ kind: 'reset', by: 'us', code });
  expect(streams[0]?.ends).toEqual([{ reason: 'fault', detail: expect.stringContaining(code) as string }]);
  expect(table.counts.streams).toBe(0);
}

test('a resume of an unknown stream is refused', () => {
  expectRefused(connect().open('resume'), 'unknown_session');
  expect(streams).toEqual([]);
});

test('a new stream under an id that is in use is refused, and the stream goes on', () => {
  const first = openNew().send(data(0, 'first'));
  clock.advance(0);
  expectRefused(connect().open('new'), 'session_exists');
  first.send(data(5, ' still'));
  clock.advance(0);
  expect(bytesOf()).toBe('first still');
});

test('a new stream may be opened again while its client has not sent anything: its OPENED got lost', () => {
  const first = openNew();
  first.cut();
  clock.advance(0);
  const again = connect().open('new');
  clock.advance(0);
  expect(again.frames).toEqual([{ kind: 'opened', received: 0, resumeWindowMs: WINDOW_MS }]);
  expect(streams.length).toBe(1);
});

test('a resume that claims more than was sent, or less than was acknowledged, is refused and changes nothing', () => {
  const peer = openNew();
  streams[0]?.stream.write(Buffer.from('0123456789'));
  clock.advance(0);
  peer.send(encodeAck(4));
  clock.advance(0);
  for (const received of [3, 11, 2 ** 50]) expectRefused(connect().open('resume', received), 'bad_offset');
  peer.send(data(0, 'still here'));
  clock.advance(0);
  expect(bytesOf()).toBe('still here');
});

test('a resume from every possible offset gets exactly the rest', () => {
  openNew();
  streams[0]?.stream.write(Buffer.from('0123456789'));
  streams[0]?.stream.write(Buffer.from('abcdef'));
  clock.advance(0);
  for (let received = 16; received >= 0; received -= 1) {
    const peer = connect().open('resume', received);
    clock.advance(0);
    expect(peer.bytes.toString()).toBe('0123456789abcdef'.slice(received));
  }
});

test('a newer transport wins: the older one is closed, and nothing that it still brings arrives', () => {
  const older = connect().open('new');
  clock.advance(0);
  older.send(data(0, 'one'));
  clock.advance(0);
  const newer = connect().open('resume');
  clock.advance(0);
  expect(newer.frames[0]).toMatchObject({ kind: 'opened', received: 3 });
  expect(older.end?.reason).toBe('superseded');
  older.wire.peer?.write(data(3, 'STALE'));
  newer.send(data(3, 'two'));
  clock.advance(0);
  expect(bytesOf()).toBe('onetwo');
  expect(table.counts).toEqual({ streams: 1, detached: 0 });
});

test('an OPEN that does not complete in time is refused', () => {
  const peer = connect();
  peer.send(Buffer.from([1, 0, 0]));
  clock.advance(OPEN_TIMEOUT_MS - 1);
  expect(events).toEqual([]);
  expectRefused(peer, 'open_timeout');
});

test('a labelled transport that says nothing is refused when the time for OPEN is over', () => {
  const peer = connect('resume');
  clock.advance(OPEN_TIMEOUT_MS);
  expectRefused(peer, 'open_timeout');
});

test('a transport of unknown kind that says nothing is served as plain', () => {
  const peer = connect('unknown');
  clock.advance(PLAIN_AFTER_MS);
  expect(streams[0]?.kind).toBe('plain');
  streams[0]?.stream.write(Buffer.from('SSH-2.0-server\r\n'));
  clock.advance(0);
  expect(Buffer.concat(peer.raw).toString()).toBe('SSH-2.0-server\r\n');
});

test.for(['resume', 'unknown', 'plain'] as const)(
  'a banner is plain, whatever was expected: %s',
  (expects) => {
    const peer = connect(expects);
    peer.send(Buffer.from('S'), Buffer.from('SH-2.0-client\r\n'));
    clock.advance(0);
    expect(streams[0]?.kind).toBe('plain');
    expect(bytesOf()).toBe('SSH-2.0-client\r\n');
    peer.send(Buffer.from('more'));
    clock.advance(0);
    expect(bytesOf()).toBe('SSH-2.0-client\r\nmore');
    peer.cut();
    clock.advance(0);
    expect(streams[0]?.ends.length).toBe(1);
  },
);

test('one stream more than the table holds is refused', () => {
  openNew();
  connect().open('new', 0, Buffer.alloc(16, 1));
  clock.advance(0);
  expectRefused(connect().open('new', 0, Buffer.alloc(16, 2)), 'too_many_sessions');
  expect(table.counts.streams).toBe(2);
});

test('an OPEN of another version is refused as that, one without its magic as a protocol error', () => {
  const open = Buffer.from(encodeOpenWith(5 + 4, 9));
  expectRefused(connect().send(open), 'bad_version');
  expectRefused(connect().send(encodeOpenWith(5, 0x58)), 'protocol_error');
  expectRefused(connect().send(encodeOpenWith(5 + 4 + 1 + 16, 2)), 'protocol_error');
});

function encodeOpenWith(at: number, value: number): Buffer {
  const wire = makeWire(clock, PERFECT_WIRE);
  new RawPeer(wire.client).open('new');
  const open = Buffer.concat(wire.client.written);
  open[at] = value;
  return open;
}

test.for([1, 2] as const)('a client of version %d opens and resumes, and is answered in that', (version) => {
  const window = version === 1 ? {} : { resumeWindowMs: WINDOW_MS };
  const first = connect().open('new', 0, STREAM_ID, version);
  clock.advance(0);
  expect(first.frames).toEqual([{ kind: 'opened', received: 0, ...window }]);
  first.send(data(0, 'hello'));
  clock.advance(0);
  const second = connect().open('resume', 0, STREAM_ID, version);
  clock.advance(0);
  expect(second.frames[0]).toEqual({ kind: 'opened', received: 5, ...window });
});

test('what a later version adds to OPEN is ignored', () => {
  const plain = encodeOpen({ version: 2, streamId: STREAM_ID, mode: 'new', received: 0 });
  const longer = Buffer.concat([plain, Buffer.from('more')]);
  longer.writeUInt32BE(plain.length - 5 + 4, 1);
  const peer = connect().send(longer, data(0, 'fine'));
  clock.advance(0);
  expect(peer.frames[0]).toMatchObject({ kind: 'opened', received: 0 });
  expect(bytesOf()).toBe('fine');
});

const wrongFrames: [string, string, () => Buffer[]][] = [
  ['a doubled frame', 'bad_offset', () => [data(4, 'more'), data(4, 'more')]],
  ['a frame out of order', 'bad_offset', () => [data(8, 'more'), data(4, 'more')]],
  ['a frame that is missing', 'bad_offset', () => [data(12, 'more')]],
  ['an oversized frame', 'too_big', () => [Buffer.from([4, 0, 1, 0, 1])]],
  [
    'a frame with its end missing',
    'protocol_error',
    () => [data(4, 'a'), data(5, 'xyz').subarray(0, 15), data(8, '\0\0\0')],
  ],
  ['an unknown frame type', 'protocol_error', () => [Buffer.from([99])]],
  ['an empty DATA', 'protocol_error', () => [data(4, '')]],
  ['a control frame of another size', 'protocol_error', () => [Buffer.from([5, 0, 0, 0, 7])]],
  ['an offset over 2^53', 'protocol_error', () => [Buffer.from([5, 0, 0, 0, 8, 255, 0, 0, 0, 0, 0, 0, 0])]],
  ['a second OPEN', 'protocol_error', () => [encodeOpenWith(0, 1)]],
  ['an OPENED from a client', 'protocol_error', () => [encodeOpened({ received: 0 })]],
  ['an ACK of bytes never sent', 'bad_ack', () => [encodeAck(7)]],
  ['an ACK that falls', 'protocol_error', () => [encodeAck(5), encodeAck(4)]],
  ['a FIN in the wrong place', 'bad_offset', () => [encodeFin(9)]],
];

test.for(wrongFrames)('%s resets the stream with %s, and no wrong byte is delivered', ([, code, frames]) => {
  const peer = openNew();
  streams[0]?.stream.write(Buffer.from('server'));
  peer.send(data(0, 'good'));
  clock.advance(0);
  peer.send(...frames());
  expectReset(peer, code);
  expect(['good', 'goodmore', 'gooda', 'goodaxy\u0004']).toContain(bytesOf());
});

test('an acknowledgement that is repeated does no harm', () => {
  const peer = openNew();
  streams[0]?.stream.write(Buffer.from('server'));
  clock.advance(0);
  peer.send(encodeAck(3), encodeAck(3), encodeAck(6), data(0, 'fine'));
  clock.advance(0);
  expect(bytesOf()).toBe('fine');
});

test('a peer that sends more than the window is reset, and what was in the window is delivered', () => {
  const peer = openNew();
  streams[0]?.stream.pause();
  for (let at = 0; at < 1_000; at += 100) peer.send(data(at, 'x'.repeat(100)));
  clock.advance(0);
  expect(table.counts.streams).toBe(1);
  peer.send(data(1_000, 'y'));
  clock.advance(1);
  expect(peer.frames.at(-1)).toEqual({ kind: 'reset', code: 'flow_violation' });
  expect(streams[0]?.ends).toEqual([]);
  streams[0]?.stream.resume();
  expect(bytesOf()).toBe('x'.repeat(1_000));
  expect(streams[0]?.ends[0]?.reason).toBe('fault');
});

test('a reader that paused on a full window and then closes lets its peer go on to the end', () => {
  const peer = openNew();
  streams[0]?.stream.pause();
  for (let at = 0; at < 1_000; at += 100) peer.send(data(at, 'x'.repeat(100)));
  clock.advance(0);
  streams[0]?.stream.close({ reason: 'ended' });
  clock.advance(0);
  expect(peer.frames).toContainEqual({ kind: 'ack', total: 1_000 });
  expect(peer.frames).toContainEqual({ kind: 'fin', offset: 0 });
  peer.send(data(1_000, 'y'), encodeFin(1_001), encodeAck(1));
  clock.advance(1);
  expect(streams[0]?.ends).toEqual([{ reason: 'ended' }]);
});

test('a RESET ends the stream with its reason, and a later resume finds nothing', () => {
  const peer = openNew().send(data(0, 'last'), encodeReset('expired'));
  clock.advance(1);
  expect(bytesOf()).toBe('last');
  expect(streams[0]?.ends[0]?.reason).toBe('expired');
  expect(peer.end).toBeDefined();
  expectRefused(connect().open('resume', 4), 'unknown_session');
});

test('a local cut tells the peer why', () => {
  const peer = openNew();
  streams[0]?.stream.cut({ reason: 'expired' });
  streams[0]?.stream.cut({ reason: 'expired' });
  clock.advance(1);
  expect(peer.frames.at(-1)).toEqual({ kind: 'reset', code: 'expired' });
  expect(streams[0]?.ends).toEqual([{ reason: 'expired' }]);
});

test('a peer that takes the FIN and never sends its own is reset after a while', () => {
  const peer = openNew();
  streams[0]?.stream.close({ reason: 'ended' });
  clock.advance(0);
  peer.send(encodeAck(1));
  clock.advance(2 * STUCK_AFTER_MS + 1);
  expect(peer.frames.at(-1)).toEqual({ kind: 'reset', code: 'stuck' });
  expect(streams[0]?.ends[0]?.reason).toBe('stuck');
});

test('the last bytes have their time also where no stream outlives its transport', () => {
  table = tableWith(0);
  const peer = connect().open('new');
  clock.advance(0);
  streams[0]?.stream.write(Buffer.from('last words'));
  streams[0]?.stream.close({ reason: 'ended' });
  clock.advance(STUCK_AFTER_MS - 1);
  expect(peer.bytes.toString()).toBe('last words');
  peer.send(encodeAck(11), encodeFin(0));
  clock.advance(0);
  expect(streams[0]?.ends).toEqual([{ reason: 'ended' }]);
});

test('where none outlives its transport, a stream ends with it, at once and for good', () => {
  table = tableWith(0);
  const peer = connect().open('new');
  clock.advance(0);
  peer.cut();
  clock.advance(0);
  expect(streams[0]?.ends).toMatchObject([{ reason: 'lost' }]);
  expect(events.map(({ kind }) => kind)).toEqual(['opened', 'given_up']);
  expect(table.counts.streams).toBe(0);
  expectRefused(connect().open('resume'), 'unknown_session');
});

test('stop resets streams, cuts what has not opened yet and refuses what comes later', async () => {
  const peer = openNew();
  const silent = connect();
  clock.advance(0);
  table.stop({ reason: 'going_away' });
  table.stop({ reason: 'going_away' });
  const late = connect();
  clock.advance(1);
  expect(peer.frames.at(-1)).toEqual({ kind: 'reset', code: 'going_away' });
  expect(silent.end).toBeDefined();
  expect(late.end).toBeDefined();
  expect(await table.emptied(1)).toBe('empty');
  expect(clock.pending).toBe(0);
});

test('emptied waits for the last bytes of a closed stream, up to its limit', async () => {
  const peer = openNew();
  streams[0]?.stream.close({ reason: 'ended' });
  const timeout = table.emptied(500);
  clock.advance(500);
  expect(await timeout).toBe('timeout');
  const empty = table.emptied(500);
  peer.send(encodeAck(1), encodeFin(0));
  clock.advance(1);
  expect(await empty).toBe('empty');
  expect(streams[0]?.ends).toEqual([{ reason: 'ended' }]);
});

test('a peer that never acknowledges holds the replay limit and no more', () => {
  const roomy = new ResumableStreamTable<string>({
    clock,
    resumeWindowMs: WINDOW_MS,
    onStream: (stream) => {
      let written = 0;
      let full = false;
      while (!full) {
        full = !stream.write(Buffer.alloc(65_536));
        written += 65_536;
      }
      expect(written).toBeLessThanOrEqual(REPLAY_LIMIT_BYTES + 65_536);
      expect(written).toBeGreaterThan(REPLAY_LIMIT_BYTES - 2 * 65_536);
    },
    onEvent: (event) => events.push(event),
  });
  const wire = makeWire(clock, PERFECT_WIRE);
  roomy.accept(wire.agent, { expects: 'resume', info: 'test' });
  const peer = new RawPeer(wire.client).open('new');
  clock.advance(1_000);
  expect(peer.bytes.length).toBeLessThanOrEqual(REPLAY_LIMIT_BYTES);
  roomy.stop({ reason: 'going_away' });
});

test('random bytes never throw, never open a stream and never deliver a byte', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 8 }), (chunks) => {
      const before = streams.length;
      const peer = connect('resume').send(Buffer.from([1]), ...chunks.map((chunk) => Buffer.from(chunk)));
      clock.advance(OPEN_TIMEOUT_MS);
      expect(streams.length).toBe(before);
      expect(peer.frames.at(-1)?.kind).toBe('refused');
    }),
    { numRuns: 300 },
  );
});

test('random bytes into an open stream never throw, and deliver nothing that is not in a valid frame', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 8 }),
      fc.nat(),
      (chunks, seed) => {
        const streamId = Buffer.alloc(16);
        streamId.writeUInt32BE(seed, 0);
        const before = streams.length;
        const peer = connect().open('new', 0, streamId);
        clock.advance(0);
        peer.send(...chunks.map((chunk) => Buffer.from(chunk)));
        clock.advance(0);
        // A valid DATA frame starts with 13 bytes that chance does not produce here.
        expect(streams[before]?.data).toEqual([]);
        table.stop({ reason: 'going_away' });
        table = makeAgain();
      },
    ),
    { numRuns: 300 },
  );
});

function makeAgain(): ResumableStreamTable<string> {
  return new ResumableStreamTable<string>({
    clock,
    resumeWindowMs: WINDOW_MS,
    onStream: (stream, origin) => {
      const served = { kind: origin.kind, stream, data: [] as Buffer[], ends: [] as StreamEnd[] };
      streams.push(served);
      stream.attach({ data: (chunk) => served.data.push(chunk), drained: () => {}, ended: () => {} });
    },
    onEvent: () => {},
  });
}

test('a replaced transport that goes on speaking is not heard, whatever it says', () => {
  let stale: ByteSink | undefined;
  const rude: ByteStream = {
    attach: (sink) => {
      stale = sink;
    },
    write: () => true,
    pause: () => {},
    resume: () => {},
    close: () => {},
    cut: () => {},
  };
  table.accept(rude, { expects: 'resume', info: 'rude' });
  stale?.data(encodeOpen({ version: 2, streamId: STREAM_ID, mode: 'new', received: 0 }));
  const newer = connect().open('resume');
  clock.advance(0);
  stale?.data(data(0, 'STALE'));
  stale?.data(encodeReset('aborted'));
  stale?.drained();
  stale?.ended({ reason: 'lost' });
  newer.send(data(0, 'fresh'));
  clock.advance(0);
  expect(bytesOf()).toBe('fresh');
  expect(table.counts).toEqual({ streams: 1, detached: 0 });
});

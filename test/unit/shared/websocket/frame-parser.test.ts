// The frame parser, against the rules of RFC 6455 and with ws as the oracle.
import type { Writable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as ws from 'ws';
import {
  headerBytes,
  MAX_HEADER_BYTES,
  OPCODES,
  writeHeader,
} from '../../../../services/shared/websocket/frame-header.ts';
import { WebSocketFrameParser } from '../../../../services/shared/websocket/frame-parser.ts';
import { unmask } from '../../../../services/shared/websocket/masking.ts';

/** ws exports its receiver, its types do not. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: Record<string, unknown>) => Writable;
};

interface Heard {
  readonly bytes: Buffer;
  readonly controls: readonly { opcode: number; payload: string }[];
  readonly fault: string | undefined;
}

interface FrameSpec {
  readonly opcode: number;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly mask?: number | undefined;
  readonly payload?: Buffer;
  /** Says this length in the 64-bit form, whatever the payload is. */
  readonly claim?: bigint;
}

function encode({ opcode, fin = true, rsv = 0, mask, payload = Buffer.alloc(0), claim }: FrameSpec): Buffer {
  const header = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const mark = mask === undefined ? 0 : 0x80;
  const length = Buffer.alloc(8);
  if (claim !== undefined || payload.length > 0xffff) {
    header.push(mark | 127);
    length.writeBigUInt64BE(claim ?? BigInt(payload.length));
    header.push(...length);
  } else if (payload.length > 125) {
    header.push(mark | 126, payload.length >> 8, payload.length & 0xff);
  } else {
    header.push(mark | payload.length);
  }
  if (mask === undefined) return Buffer.concat([Buffer.from(header), payload]);
  const key = Buffer.alloc(4);
  key.writeUInt32BE(mask >>> 0);
  const masked = Buffer.from(payload.map((byte, at) => byte ^ (key[at & 3] ?? 0)));
  return Buffer.concat([Buffer.from(header), key, masked]);
}

/** Parses `bytes` in pieces of the given sizes, each in a buffer of its own, and spoils the headroom it was granted. */
function parse(bytes: Buffer, sizes: readonly number[], expectsMask = true): Heard {
  const pieces: Buffer[] = [];
  const controls: Heard['controls'][number][] = [];
  let fault: string | undefined;
  const parser = new WebSocketFrameParser(
    {
      data(piece, headroom) {
        expect(piece.length).toBeGreaterThan(0);
        Buffer.from(piece.buffer, piece.byteOffset - headroom, headroom).fill(0xee);
        pieces.push(piece);
      },
      control(opcode, payload) {
        expect(fault).toBeUndefined();
        controls.push({ opcode, payload: payload.toString('hex') });
      },
      fault(found) {
        expect(fault).toBeUndefined();
        fault = found.kind;
      },
    },
    expectsMask,
  );
  let at = 0;
  let turn = 0;
  while (at < bytes.length) {
    const size = sizes.length === 0 ? bytes.length : (sizes[turn % sizes.length] ?? 1);
    // With bytes before and after, so that a write outside of the chunk is seen.
    const room = Buffer.alloc(bytes.subarray(at, at + size).length + 16, 0x77);
    bytes.copy(room, 8, at, at + size);
    parser.push(room.subarray(8, room.length - 8));
    expect(room.subarray(0, 8).equals(Buffer.alloc(8, 0x77))).toBe(true);
    expect(room.subarray(room.length - 8).equals(Buffer.alloc(8, 0x77))).toBe(true);
    at += size;
    turn += 1;
  }
  return { bytes: Buffer.concat(pieces), controls, fault };
}

/** The same by ws; its close codes as our words. */
async function parseWithWs(bytes: Buffer, isServer = true): Promise<Heard> {
  const receiver = new Receiver({ isServer, maxPayload: 0, skipUTF8Validation: true });
  const pieces: Buffer[] = [];
  const controls: Heard['controls'][number][] = [];
  let fault: string | undefined;
  let text = false;
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) pieces.push(data);
    else text = true;
  });
  receiver.on('ping', (data: Buffer) =>
    controls.push({ opcode: OPCODES.ping, payload: data.toString('hex') }),
  );
  receiver.on('pong', (data: Buffer) =>
    controls.push({ opcode: OPCODES.pong, payload: data.toString('hex') }),
  );
  receiver.on('conclude', () => controls.push({ opcode: OPCODES.close, payload: '' }));
  const { promise, resolve } = Promise.withResolvers<void>();
  receiver.on('error', (error: Error & { code?: string }) => {
    fault = error.code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH' ? 'too_big' : 'bad_frame';
    resolve();
  });
  receiver.write(bytes, () => {
    resolve();
  });
  await promise;
  return { bytes: Buffer.concat(pieces), controls, fault: text ? 'text_on_stream' : fault };
}

const masks = fc.oneof(fc.constant(0), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }));
const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 140 }),
  fc.uint8Array({ minLength: 3_000, maxLength: 9_000 }),
  fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000).map((length) => new Uint8Array(length).fill(0x41)),
);

/** Messages in frames, whole or fragmented, with control frames anywhere between. */
const conversations = fc
  .array(
    fc.oneof(
      fc.record({
        kind: fc.constant('message' as const),
        parts: fc.array(payloads, { minLength: 1, maxLength: 4 }),
      }),
      fc.record({
        kind: fc.constant('control' as const),
        ping: fc.boolean(),
        payload: fc.uint8Array({ maxLength: 125 }),
      }),
    ),
    { maxLength: 8 },
  )
  .map((items) => {
    const frames: FrameSpec[] = [];
    for (const item of items) {
      if (item.kind === 'control') {
        const opcode = item.ping ? OPCODES.ping : OPCODES.pong;
        frames.push({ opcode, payload: Buffer.from(item.payload) });
        continue;
      }
      for (const [index, part] of item.parts.entries()) {
        const opcode = index === 0 ? OPCODES.binary : OPCODES.continuation;
        frames.push({ opcode, fin: index === item.parts.length - 1, payload: Buffer.from(part) });
      }
    }
    return frames;
  });
/** With one long piece in each round, so that a run does not become a thousand single bytes. */
const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }).map((sizes) => [...sizes, 20_000]);

describe('what a peer sends by the rules', () => {
  test('comes out as it went in, however it is cut and masked', () => {
    fc.assert(
      fc.property(conversations, masks, cuts, fc.boolean(), (frames, mask, sizes, isMasked) => {
        const wire = frames.map((frame) => encode({ ...frame, mask: isMasked ? mask : undefined }));
        const heard = parse(Buffer.concat(wire), sizes, isMasked);
        const isControl = ({ opcode }: FrameSpec): boolean => opcode >= OPCODES.close;
        const payload = Buffer.concat(
          frames.filter((frame) => !isControl(frame)).map((f) => f.payload as Buffer),
        );
        expect(heard.fault).toBeUndefined();
        expect(heard.bytes.equals(payload)).toBe(true);
        expect(heard.controls).toEqual(
          frames.filter(isControl).map((f) => ({ opcode: f.opcode, payload: f.payload?.toString('hex') })),
        );
      }),
      { numRuns: 150 },
    );
  });

  test('comes out the same cut at every single byte', () => {
    const frames = [
      encode({ opcode: OPCODES.binary, fin: false, mask: 0x11223344, payload: Buffer.from('first ') }),
      encode({ opcode: OPCODES.ping, mask: 7, payload: Buffer.from('are you there') }),
      encode({ opcode: OPCODES.continuation, mask: -5, payload: Buffer.alloc(300, 'x') }),
      encode({ opcode: OPCODES.binary, mask: 0x01020304, payload: Buffer.alloc(0) }),
      encode({ opcode: OPCODES.binary, mask: 0x01020304, payload: Buffer.from('last') }),
      encode({ opcode: OPCODES.close, mask: 9, payload: Buffer.from([3, 232]) }),
    ];
    const wire = Buffer.concat(frames);
    const whole = parse(wire, []);
    for (let cut = 1; cut < wire.length; cut += 1) {
      expect(parse(wire, [cut, wire.length]), `cut at ${cut}`).toEqual(whole);
    }
    expect(parse(wire, [1])).toEqual(whole);
    expect(whole.bytes.toString()).toBe(`first ${'x'.repeat(300)}last`);
  });

  test('small frames that came together leave in one piece', () => {
    const pieces: number[] = [];
    const parser = new WebSocketFrameParser(
      { data: (piece) => pieces.push(piece.length), control: () => undefined, fault: () => undefined },
      true,
    );
    const frame = encode({ opcode: OPCODES.binary, mask: 0x55aa55aa, payload: Buffer.alloc(256, 'k') });
    parser.push(Buffer.concat(Array.from({ length: 12 }, () => frame)));
    expect(pieces).toEqual([256 * 12]);
  });
});

describe('what a peer sends against the rules', () => {
  const mask = 0x0a0b0c0d;
  const some = Buffer.from('abc');
  const start = { opcode: OPCODES.binary, fin: false, mask, payload: some };
  test.each<[string, readonly FrameSpec[], string]>([
    ['5.2: RSV1 without an extension', [{ opcode: 2, rsv: 4, mask }], 'bad_frame'],
    ['5.2: RSV2', [{ opcode: 2, rsv: 2, mask }], 'bad_frame'],
    ['5.2: RSV3', [{ opcode: 2, rsv: 1, mask }], 'bad_frame'],
    ['5.2: RSV on a control frame', [{ opcode: 9, rsv: 4, mask }], 'bad_frame'],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, FrameSpec[], string] => [
      `5.2: reserved opcode ${opcode}`,
      [{ opcode, mask }],
      'bad_frame',
    ]),
    ['5.1: a frame without a mask', [{ opcode: 2, payload: some }], 'bad_frame'],
    ['5.2: a length over 2^63', [{ opcode: 2, mask, claim: 1n << 63n }], 'too_big'],
    ['5.2: a length over 2^53', [{ opcode: 2, mask, claim: 1n << 53n }], 'too_big'],
    ['5.4: a continuation of nothing', [{ opcode: 0, mask, payload: some }], 'bad_frame'],
    [
      '5.4: a continuation after the end',
      [
        { ...start, fin: true },
        { opcode: 0, mask },
      ],
      'bad_frame',
    ],
    ['5.4: a message inside a message', [start, { opcode: 2, mask, payload: some }], 'bad_frame'],
    ['5.4: a text inside a message', [start, { opcode: 1, mask, payload: some }], 'bad_frame'],
    ['5.5: a fragmented ping', [{ opcode: 9, fin: false, mask, payload: some }], 'bad_frame'],
    ['5.5: a fragmented close', [{ opcode: 8, fin: false, mask }], 'bad_frame'],
    ['5.5: a ping of 126 bytes', [{ opcode: 9, mask, payload: Buffer.alloc(126) }], 'bad_frame'],
    ['5.6: text on a stream of bytes', [{ opcode: 1, mask, payload: some }], 'text_on_stream'],
  ])('%s is refused, and by ws too', async (_rule, specs, fault) => {
    const wire = Buffer.concat(specs.map(encode));
    const heard = parse(wire, [1]);
    expect(heard.fault).toBe(fault);
    expect(parse(wire, [])).toEqual(heard);
    expect((await parseWithWs(wire)).fault).toBe(fault);
  });

  test('what came before is delivered, what comes after is not', () => {
    const good = encode({ opcode: OPCODES.binary, mask, payload: Buffer.from('good') });
    const bad = encode({ opcode: 5, mask });
    const heard = parse(Buffer.concat([good, bad, good]), []);
    expect(heard).toEqual({ bytes: Buffer.from('good'), controls: [], fault: 'bad_frame' });
  });

  test('a masked frame of a server is refused by a client', () => {
    expect(parse(encode({ opcode: OPCODES.binary, mask, payload: some }), [], false).fault).toBe('bad_frame');
  });
});

describe('any bytes at all', () => {
  test('give the same payload or the same refusal as ws', async () => {
    const specs = fc.record({
      opcode: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(0, 2, 2, 9, 10) },
        // All but text, which ws takes.
        fc.constantFrom(3, 4, 7, 8, 11, 15),
      ),
      fin: fc.boolean(),
      rsv: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 7 })),
      mask: fc.oneof({ weight: 9, arbitrary: masks }, fc.constant(undefined)),
      payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(specs, { minLength: 1, maxLength: 6 }), cuts, async (frames, sizes) => {
        // A last frame that ends what may be open: ws hands a message on only when it is whole.
        const end = encode({ opcode: OPCODES.continuation, mask: 1, payload: Buffer.from('end') });
        // The codes of close frames are judged elsewhere.
        const plain = frames.map((frame) =>
          frame.opcode === OPCODES.close ? { ...frame, payload: Buffer.alloc(0) } : frame,
        );
        const wire = Buffer.concat([...plain.map(encode), end]);
        const ours = parse(wire, sizes);
        const theirs = await parseWithWs(wire);
        expect(ours.fault).toBe(theirs.fault);
        expect(ours.controls).toEqual(theirs.controls);
        expect(ours.bytes.subarray(0, theirs.bytes.length).equals(theirs.bytes)).toBe(true);
        // A close in the middle of a message: its pieces were handed on already.
        const isWhole =
          ours.fault === undefined && ours.controls.every((control) => control.opcode !== OPCODES.close);
        if (isWhole) expect(ours.bytes.length).toBe(theirs.bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  test('never make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), cuts, fc.boolean(), (bytes, sizes, isMasked) => {
        parse(Buffer.from(bytes), sizes, isMasked);
      }),
      { numRuns: 500 },
    );
  });
});

test('a written header is read as it was meant', () => {
  for (const isMasked of [false, true]) {
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const header = Buffer.alloc(MAX_HEADER_BYTES + 2, 0x99);
      writeHeader(header, 1, OPCODES.binary, length, isMasked);
      const end = 1 + headerBytes(length, isMasked);
      expect(header[end]).toBe(0x99);
      const payload = Buffer.alloc(length, 'p');
      const heard = parse(Buffer.concat([header.subarray(1, end), payload]), [], isMasked);
      expect(heard.fault).toBeUndefined();
      expect(heard.bytes.equals(payload)).toBe(true);
    }
  }
});

test('unmasking is the same in words and bytes, at any alignment and phase', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      masks,
      fc.nat(40),
      fc.nat(3),
      (bytes, mask, start, phase) => {
        const key = Buffer.alloc(4);
        key.writeInt32BE(mask | 0);
        const at = Math.min(start, bytes.length);
        const expected = Buffer.from(
          bytes.map((byte, i) => (i < at ? byte : byte ^ (key[(i - at + phase) & 3] ?? 0))),
        );
        const actual = Buffer.from(bytes);
        const after = unmask(actual, at, actual.length, mask | 0, phase);
        expect(actual.equals(expected)).toBe(true);
        expect(after).toBe((phase + bytes.length - at) & 3);
      },
    ),
  );
});

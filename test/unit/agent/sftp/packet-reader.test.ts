// The packet reader: packets come out whole, however the stream was cut, and no memory is used by two at once.
import { array, assert, integer, property, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_PACKET_BYTES } from '../../../../services/agent/sftp/limits.ts';
import { BufferPool, PacketReader } from '../../../../services/agent/sftp/packet-reader.ts';

const LARGE = 200_000;

test('gives back every packet whatever the chunks', () => {
  const packets = array(uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 });
  const cuts = array(integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 30 });
  assert(
    property(packets, cuts, (bodies, sizes) => {
      const reader = new PacketReader(new BufferPool());
      const taken: Buffer[] = [];
      for (const chunk of chunksOf(Buffer.concat(bodies.map(framed)), sizes)) {
        reader.push(chunk);
        taken.push(...drain(reader));
      }
      expect(taken.map((packet) => packet.toString('hex'))).toEqual(
        bodies.map((body) => Buffer.from(body).toString('hex')),
      );
    }),
  );
});

test('does not copy a packet that lies within one chunk', () => {
  const reader = new PacketReader(new BufferPool());
  const chunk = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('two'))]);
  reader.push(chunk);
  const [one, two] = drain(reader);
  chunk.fill('x');
  expect([one?.toString(), two?.toString()]).toEqual(['xxx', 'xxx']);
});

test('takes the longest packet and refuses one byte more, and none at all', () => {
  const longest = new PacketReader(new BufferPool());
  longest.push(framed(Buffer.alloc(MAX_PACKET_BYTES)));
  expect(longest.next()).toMatchObject({ kind: 'packet' });
  for (const length of [MAX_PACKET_BYTES + 1, 0, 0xffffffff]) {
    const reader = new PacketReader(new BufferPool());
    const header = Buffer.alloc(5);
    header.writeUInt32BE(length);
    reader.push(header);
    expect(reader.next()).toEqual({ kind: 'bad_length', length });
  }
});

test('the pool lends the same memory again after it came back, also as a view', () => {
  const pool = new BufferPool();
  const first = pool.take(LARGE);
  pool.give(first.subarray(0, 10));
  expect(pool.take(LARGE).buffer).toBe(first.buffer);
});

test('the pool never lends memory that is out, came back twice, or is not its own', () => {
  const pool = new BufferPool();
  const first = pool.take(LARGE);
  expect(pool.take(LARGE).buffer).not.toBe(first.buffer);
  pool.give(first);
  pool.give(first);
  expect(pool.take(LARGE).buffer).toBe(first.buffer);
  expect(pool.take(LARGE).buffer).not.toBe(first.buffer);
  const foreign = Buffer.from(new ArrayBuffer(first.buffer.byteLength));
  pool.give(foreign);
  expect(pool.take(LARGE).buffer).not.toBe(foreign.buffer);
});

test('the pool leaves small buffers to the system', () => {
  const pool = new BufferPool();
  const small = pool.take(100);
  pool.give(small);
  expect(small).toHaveLength(100);
  expect(pool.take(100)).not.toBe(small);
});

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function drain(reader: PacketReader): Buffer[] {
  const packets: Buffer[] = [];
  for (let outcome = reader.next(); outcome.kind === 'packet'; outcome = reader.next()) {
    packets.push(outcome.packet);
  }
  return packets;
}

function* chunksOf(stream: Buffer, sizes: number[]): Generator<Buffer> {
  let at = 0;
  for (let index = 0; at < stream.length; index += 1) {
    const size = Math.max(sizes[index % sizes.length] ?? 1, index % sizes.length === 0 ? 1 : 0);
    yield stream.subarray(at, at + size);
    at += size;
  }
}

// The terminal modes of a pty-req (RFC 4254 section 8).
import { expect, test } from 'vitest';
import { parseModes } from '../../../../services/agent/ssh/ssh2/terminal-modes.ts';

/** Opcode and value in turn. */
function encode(...pairs: readonly (readonly [number, number])[]): Buffer {
  return Buffer.concat(
    pairs.map(([opcode, value]) => {
      const mode = Buffer.alloc(5);
      mode.writeUInt8(opcode);
      mode.writeUInt32BE(value, 1);
      return mode;
    }),
  );
}

test('modes come in their order, up to TTY_OP_END', () => {
  const encoded = Buffer.concat([encode([1, 3], [128, 38_400], [1, 255]), Buffer.from([0]), encode([53, 1])]);
  expect(parseModes(encoded)).toEqual([
    { opcode: 1, value: 3 },
    { opcode: 128, value: 38_400 },
    { opcode: 1, value: 255 },
  ]);
});

test('opcodes from 160 on end the list, as their form is not known', () => {
  expect(parseModes(encode([53, 0], [160, 1], [50, 1]))).toEqual([{ opcode: 53, value: 0 }]);
});

test('a list that is cut off, or empty, gives what is whole', () => {
  expect(parseModes(encode([53, 0], [50, 1]).subarray(0, 8))).toEqual([{ opcode: 53, value: 0 }]);
  expect(parseModes(Buffer.alloc(0))).toEqual([]);
});

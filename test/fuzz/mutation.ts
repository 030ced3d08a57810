// Mutations: a valid message, and what becomes of it: flipped, cut, doubled, spliced, with numbers and texts at the edge.
import type { Chance } from './chance.ts';

/** No case is longer, in bytes: over every limit of a message, and little enough for a million of them. */
const MAX_CASE_BYTES = 80 * 1024;
const MOST_MUTATIONS = 3;

type Mutation = (bytes: Buffer, chance: Chance, corpus: readonly Buffer[]) => Buffer;

const BOUNDARIES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

const DECIMALS = [
  '0',
  '-1',
  '-0',
  '1e309',
  '1e-9',
  '65536',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '00',
];

/** Over and under the limits of fields, lines, messages and packets; long ones are rare. */
const LENGTHS = [64, 127, 128, 129, 255, 256, 1024, 1025, 4095, 4096, 4097, 16_385, 70_000];

/** Overlong, cut off, surrogates, above U+10FFFF, and bytes that are never in UTF-8 (RFC 3629). */
const INVALID_UTF8 = ['c080', 'e08080', 'eda080', 'f4908080', 'f8', 'ff', 'c3', 'e282'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** What means something to a parser, a terminal, a log reader or an object. */
const WORDS = [
  '\0',
  '\r\n',
  '\r\n\r\n',
  '\u001b]0;x\u0007',
  '\u202e',
  '##vso[task.complete]',
  '::error::',
  '__proto__',
  'constructor',
  '%00',
  '%s%n',
  '../',
  '{}',
  '[[[[',
  '"',
  '\\',
  'SSH-',
  'null',
].map((word) => Buffer.from(word));

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  flipBits,
  setByte,
  writeBoundary,
  writeBoundary,
  cutOff,
  takeOut,
  double,
  splice,
  insertLong,
  (bytes, chance) => insert(bytes, chance, chance.pick(INVALID_UTF8)),
  (bytes, chance) => insert(bytes, chance, chance.pick(WORDS)),
  replaceNumber,
];

/** A message of `corpus` with one to three mutations; the result is a copy. */
export function mutated(corpus: readonly Buffer[], chance: Chance): Buffer {
  let bytes: Buffer = Buffer.from(chance.pick(corpus));
  for (let left = 1 + chance.below(MOST_MUTATIONS); left > 0; left -= 1) {
    bytes = chance.pick(MUTATIONS)(bytes, chance, corpus);
  }
  return bytes.subarray(0, MAX_CASE_BYTES);
}

function flipBits(bytes: Buffer, chance: Chance): Buffer {
  for (let left = 1 + chance.below(4); left > 0; left -= 1) {
    const at = chance.below(bytes.length);
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.below(8));
  }
  return bytes;
}

function setByte(bytes: Buffer, chance: Chance): Buffer {
  const at = chance.below(bytes.length);
  if (at < bytes.length) bytes[at] = chance.below(256);
  return bytes;
}

function writeBoundary(bytes: Buffer, chance: Chance): Buffer {
  const width = chance.pick([1, 2, 4, 4, 4, 8]);
  if (bytes.length < width) return bytes;
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(chance.pick(BOUNDARIES));
  number.copy(bytes, chance.below(bytes.length - width + 1), 8 - width);
  return bytes;
}

function cutOff(bytes: Buffer, chance: Chance): Buffer {
  return bytes.subarray(0, chance.below(bytes.length + 1));
}

function takeOut(bytes: Buffer, chance: Chance): Buffer {
  const start = chance.below(bytes.length + 1);
  const end = start + chance.below(Math.min(bytes.length - start, 64) + 1);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function double(bytes: Buffer, chance: Chance): Buffer {
  const start = chance.below(bytes.length + 1);
  const end = start + chance.below(bytes.length - start + 1);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
}

function splice(bytes: Buffer, chance: Chance, corpus: readonly Buffer[]): Buffer {
  const other = chance.pick(corpus);
  return Buffer.concat([
    bytes.subarray(0, chance.below(bytes.length + 1)),
    other.subarray(chance.below(other.length + 1)),
  ]);
}

function insertLong(bytes: Buffer, chance: Chance): Buffer {
  return insert(bytes, chance, Buffer.alloc(chance.pick(LENGTHS), 0x41));
}

function insert(bytes: Buffer, chance: Chance, what: Buffer): Buffer {
  const at = chance.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);
}

function replaceNumber(bytes: Buffer, chance: Chance): Buffer {
  const text = bytes.toString('latin1');
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const { index, 0: digits } = chance.pick(numbers);
  const end = index + digits.length;
  return Buffer.from(`${text.slice(0, index)}${chance.pick(DECIMALS)}${text.slice(end)}`, 'latin1');
}

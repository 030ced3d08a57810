// Programs for Windows: a signature of others that no longer fits goes, and the checksum is that of the content.
import { describe, expect, test } from 'vitest';
import { removeCertificates } from '../../../deploy/build/pe/certificate-removal.ts';
import { writePeChecksum } from '../../../deploy/build/pe/pe-checksum.ts';
import { readPeHeader } from '../../../deploy/build/pe/pe-header.ts';

const START = 128;
const CERTIFICATE_ENTRY = START + 24 + 112 + 32;
const CONTENT_BYTES = 1_024;

function makeSmallPe(certificateBytes: number): Buffer {
  const file = Buffer.alloc(CONTENT_BYTES + certificateBytes, 0xab);
  file.write('MZ', 0);
  file.writeUInt32LE(START, 60);
  file.write('PE\0\0', START);
  file.writeUInt16LE(0x20b, START + 24);
  file.fill(0, CERTIFICATE_ENTRY, CERTIFICATE_ENTRY + 8);
  if (certificateBytes > 0) {
    file.writeUInt32LE(CONTENT_BYTES, CERTIFICATE_ENTRY);
    file.writeUInt32LE(certificateBytes, CERTIFICATE_ENTRY + 4);
  }
  return file;
}

test('certificates and what says where they are go, and nothing else', () => {
  const signed = makeSmallPe(64);
  const bare = removeCertificates(signed);
  expect(bare).toEqual(makeSmallPe(0));
  expect(readPeHeader(signed).certificates).toEqual({ offset: CONTENT_BYTES, size: 64 });
  expect(readPeHeader(bare).certificates).toBeUndefined();
  expect(removeCertificates(bare)).toEqual(bare);
});

test.each([
  ['two words', [0x0001, 0x0002], 3],
  ['a carry that comes round', [0xffff, 0x0002], 2],
  ['nothing', [0, 0], 0],
])('the checksum of %s', (_, added, sum) => {
  const file = Buffer.alloc(CONTENT_BYTES);
  makeSmallPe(0).copy(file, 0, 0, START + 28);
  file.fill(0xff, START + 88, START + 92);
  file.fill(0, 0, 60);
  file.write('MZ', 0);
  writePeChecksum(file);
  const before = file.readUInt32LE(START + 88) - CONTENT_BYTES;
  for (const [index, word] of added.entries()) file.writeUInt16LE(word, 600 + index * 2);
  writePeChecksum(file);
  const after = file.readUInt32LE(START + 88) - CONTENT_BYTES;
  // Addition in ones' complement, where 0xffff and 0 are the same.
  expect(after % 0xffff).toBe((before + sum) % 0xffff);
});

describe('what is no whole program is refused with a sentence:', () => {
  test.each([
    ['an empty file', Buffer.alloc(0), 'it does not begin as a program for Windows does'],
    [
      'a header that is not there',
      makeSmallPe(0).subarray(0, 200),
      'its header is at 128, and the file ends at 200',
    ],
    [
      'a program of 32 bits',
      Buffer.from(makeSmallPe(0)).fill(0x0b, 152, 153).fill(0x01, 153, 154),
      /of 64 bits$/,
    ],
    ['cut certificates', makeSmallPe(64).subarray(0, -1), 'its certificates end at 1088, the file at 1087'],
    [
      'something behind the certificates',
      Buffer.concat([makeSmallPe(64), Buffer.alloc(3)]),
      'there are 3 bytes behind its certificates',
    ],
  ])('%s', (_, file, message) => {
    expect(() => removeCertificates(file)).toThrow(message);
  });
});

// The header of the PROXY protocol, byte by byte, as its specification has it.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  MAX_V1_BYTES,
  MAX_V2_BYTES,
  readProxyHeader,
} from '../../../../services/relay/http/listener/proxy-header.ts';
import { proxyV2 } from '../../../support/relay/proxy-header.ts';

const REST = 'GET / HTTP/1.1\r\n';
const read = (text: string | Buffer) => readProxyHeader(Buffer.from(text as string, 'latin1'));

/** The longest that the specification names. */
const LONGEST_UNKNOWN =
  'PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n';

describe('version 1', () => {
  test.each([
    ['PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n', '192.0.2.1'],
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 0 0\r\n', '192.0.2.1'],
    ['PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n', '2001:db8::1'],
    ['PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::1 1 2\r\n', '2001:db8::1'],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n', '192.0.2.1'],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN what ever stands here\r\n', undefined],
    [LONGEST_UNKNOWN, undefined],
  ])('%j is from %s', (header, source) => {
    expect(read(header + REST)).toEqual({ kind: 'complete', length: header.length, source });
    for (let length = 0; length < header.length; length += 1)
      expect(read(header.slice(0, length))).toEqual({ kind: 'incomplete' });
  });

  test.each([
    'GET / HTTP/1.1\r\n',
    'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY\r\n',
    'PROXY \r\n',
    'PROXY TCP4\r\n',
    'PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n',
    'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n',
    'PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n',
    'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n',
    'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP4 192.0.2.1\t192.0.2.2 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(MAX_V1_BYTES)}`,
    `PROXY UNKNOWN ${'x'.repeat(MAX_V1_BYTES - 15)}\r\n`,
  ])('%j is malformed', (header) => {
    expect(read(header)).toEqual({ kind: 'malformed' });
  });

  test('a header of the greatest length is taken, and one byte more is not', () => {
    expect(LONGEST_UNKNOWN).toHaveLength(MAX_V1_BYTES);
    expect(read(LONGEST_UNKNOWN)).toMatchObject({ kind: 'complete', length: MAX_V1_BYTES });
    expect(read(LONGEST_UNKNOWN.replace(/\r\n$/, 'x\r'))).toEqual({ kind: 'malformed' });
  });
});

describe('version 2', () => {
  const v4 = Buffer.from([192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3, 4]);
  const v6 = Buffer.from(`20010db8${'0'.repeat(22)}01${'0'.repeat(32)}00010002`, 'hex');

  test.each([
    ['PROXY over TCP4', proxyV2(0x21, 0x11, v4), '192.0.2.1'],
    ['PROXY over TCP6', proxyV2(0x21, 0x21, v6), '2001:db8::1'],
    [
      'PROXY with more behind the addresses',
      proxyV2(0x21, 0x11, Buffer.concat([v4, Buffer.alloc(100)])),
      '192.0.2.1',
    ],
    ['LOCAL', proxyV2(0x20, 0x00, Buffer.alloc(0)), undefined],
    ['LOCAL with addresses', proxyV2(0x20, 0x11, v4), undefined],
    ['PROXY of an unknown family', proxyV2(0x21, 0x00, Buffer.alloc(7)), undefined],
    ['PROXY over a Unix socket', proxyV2(0x21, 0x31, Buffer.alloc(216)), undefined],
    ['PROXY over datagrams', proxyV2(0x21, 0x12, v4), undefined],
    ['the longest', proxyV2(0x21, 0x11, Buffer.concat([v4, Buffer.alloc(MAX_V2_BYTES - 28)])), '192.0.2.1'],
  ])('%s', (_, header, source) => {
    const whole = Buffer.concat([header, Buffer.from(REST)]);
    expect(readProxyHeader(whole)).toEqual({ kind: 'complete', length: header.length, source });
    for (let length = 0; length < header.length; length += 1)
      expect(readProxyHeader(header.subarray(0, length))).toEqual({ kind: 'incomplete' });
  });

  test.each([
    ['version 1', proxyV2(0x11, 0x11, v4)],
    ['version 3', proxyV2(0x31, 0x11, v4)],
    ['a command that there is not', proxyV2(0x22, 0x11, v4)],
    ['a family that there is not', proxyV2(0x21, 0x41, v4)],
    ['a transport that there is not', proxyV2(0x21, 0x13, v4)],
    ['addresses that are too short', proxyV2(0x21, 0x11, v4.subarray(0, 11))],
    ['addresses of the other family', proxyV2(0x21, 0x21, v4)],
    ['one byte too long', proxyV2(0x21, 0x11, Buffer.concat([v4, Buffer.alloc(MAX_V2_BYTES - 27)]))],
    [
      'the last byte of the signature',
      Buffer.concat([proxyV2(0x21, 0x11, v4).subarray(0, 11), Buffer.from('\r')]),
    ],
  ])('%s is malformed', (_, header) => {
    expect(readProxyHeader(header)).toEqual({ kind: 'malformed' });
  });

  test('a length that is too long is refused before its bytes are there', () => {
    const long = proxyV2(0x21, 0x11, Buffer.alloc(65_535)).subarray(0, 16);
    expect(readProxyHeader(long)).toEqual({ kind: 'malformed' });
  });
});

test('no bytes make it throw, and it never waits for more than the longest header', () => {
  const start = fc.constantFrom(
    Buffer.alloc(0),
    Buffer.from('PROXY '),
    Buffer.from('PROXY TCP4 '),
    proxyV2(0x21, 0x11, Buffer.alloc(0)).subarray(0, 12),
  );
  const bytes = fc
    .tuple(start, fc.uint8Array({ maxLength: 3_000 }))
    .map(([head, rest]) => Buffer.concat([head, rest]));
  fc.assert(
    fc.property(bytes, (seen) => {
      const header = readProxyHeader(seen);
      if (header.kind === 'incomplete') expect(seen.length).toBeLessThan(MAX_V2_BYTES);
      if (header.kind === 'complete') expect(header.length).toBeLessThanOrEqual(seen.length);
    }),
    { numRuns: 2_000 },
  );
});

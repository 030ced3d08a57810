// The pinned host key: what passes and what does not, however the bytes arrive.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HostKeyInspector, type HostKeyVerdict } from '../../../../services/clients/host-key/inspector.ts';
import { readPacket } from '../../../../services/clients/host-key/units.ts';
import { fingerprintOf } from '../../../../services/shared/ssh/fingerprint.ts';
import { formatFingerprint, parseFingerprint } from '../../../../services/shared/ssh/fingerprint-text.ts';
import {
  hostKeyBlob,
  IDENTIFICATION,
  kexinitPayload,
  NEWKEYS_PACKET,
  replyPayload,
  sshPacket,
  sshString,
} from '../../../support/ssh/ssh-handshake.ts';

const KEY = hostKeyBlob(7);
const PINNED = fingerprintOf(KEY);
const KEXINIT = sshPacket(kexinitPayload());
const REPLY = sshPacket(replyPayload(KEY));
const ENCRYPTED = Buffer.from('encrypted, and of no concern \x00\xff\r\n'.repeat(9), 'latin1');
const HANDSHAKE = Buffer.concat([IDENTIFICATION, KEXINIT, REPLY, NEWKEYS_PACKET, ENCRYPTED]);
const BEFORE_REPLY = IDENTIFICATION.length + KEXINIT.length;

interface Inspection {
  readonly passed: Buffer;
  readonly verdict: HostKeyVerdict;
}

function inspect(...chunks: Buffer[]): Inspection {
  const inspector = new HostKeyInspector(PINNED);
  const passed = Buffer.concat(chunks.map((chunk) => Buffer.from(inspector.inspect(Buffer.from(chunk)))));
  return { passed, verdict: inspector.verdict };
}

function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const sorted = [...new Set(positions)].sort((a, b) => a - b).filter((at) => at <= bytes.length);
  return [...sorted, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : sorted[i - 1], end));
}

describe('the pinned key', () => {
  test('lets everything pass when the host has it', () => {
    expect(inspect(HANDSHAKE)).toEqual({ passed: HANDSHAKE, verdict: { kind: 'match' } });
  });

  test('gives the same verdict and the same bytes when the handshake is cut at any one position', () => {
    for (let at = 0; at <= HANDSHAKE.length; at++) {
      expect(inspect(...cutAt(HANDSHAKE, [at]))).toEqual({ passed: HANDSHAKE, verdict: { kind: 'match' } });
    }
  });

  test('gives the same verdict and the same bytes however a good or a damaged handshake is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(HANDSHAKE.length), { maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(BEFORE_REPLY + REPLY.length), fc.integer({ min: 1, max: 255 })), {
          maxLength: 2,
        }),
        (positions, damages) => {
          const bytes = Buffer.from(HANDSHAKE);
          for (const [at, mask] of damages) bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at);
          expect(inspect(...cutAt(bytes, positions))).toEqual(inspect(bytes));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('passes the banner and the offer on at once, and holds the reply until its last byte', () => {
    const inspector = new HostKeyInspector(PINNED);
    expect(inspector.inspect(IDENTIFICATION)).toEqual(IDENTIFICATION);
    expect(inspector.inspect(KEXINIT)).toEqual(KEXINIT);
    expect(inspector.inspect(REPLY.subarray(0, -1))).toHaveLength(0);
    expect(inspector.verdict).toEqual({ kind: 'undecided' });
    expect(inspector.inspect(REPLY.subarray(-1))).toEqual(REPLY);
    expect(inspector.inspect(Buffer.concat([NEWKEYS_PACKET, ENCRYPTED])).subarray(-ENCRYPTED.length)).toEqual(
      ENCRYPTED,
    );
  });

  test('hands chunks on as they are after the match', () => {
    const inspector = new HostKeyInspector(PINNED);
    inspector.inspect(HANDSHAKE);
    const chunk = Buffer.from('x');
    expect(inspector.inspect(chunk)).toBe(chunk);
  });

  test('takes lines before the identification, with and without CR, and keeps them to itself', () => {
    const lines = Buffer.from('welcome to the job\r\nit is 12:00\n\r\n');
    const bytes = Buffer.concat([lines, HANDSHAKE]);
    const inspection = inspect(...cutAt(bytes, [3, 19, 20, 40]));
    expect(inspection).toEqual({ passed: HANDSHAKE, verdict: { kind: 'match' } });
  });
});

describe('the reply', () => {
  const AGENT = 'mlkem768x25519-sha256,curve25519-sha256,ecdh-sha2-nistp256,kex-strict-s-v00@openssh.com';
  const OPENSSH =
    'sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256,diffie-hellman-group14-sha256,ext-info-s';

  test.each([
    ['of ML-KEM and X25519', 'mlkem768x25519-sha256', 1120, true],
    ['of ML-KEM and X25519 with a byte less', 'mlkem768x25519-sha256', 1119, false],
    ['of ML-KEM and X25519 with a byte more', 'mlkem768x25519-sha256', 1121, false],
    ['of ML-KEM without X25519', 'mlkem768x25519-sha256', 1088, false],
    ['of X25519 alone where only the hybrid was offered', 'mlkem768x25519-sha256', 32, false],
    ['of the hybrid where only X25519 was offered', 'curve25519-sha256', 1120, false],
    ['of the first method of an agent', AGENT, 1120, true],
    ['of its second method', AGENT, 32, true],
    ['of its third method', AGENT, 65, true],
    ['that none of its methods has', AGENT, 1071, false],
    ['of sntrup761 and X25519', OPENSSH, 1071, true],
    ['of sntrup761 and X25519 with a byte more', OPENSSH, 1072, false],
    ['of ML-KEM beside sntrup761', OPENSSH, 1120, true],
    ['of a number with a zero before it', OPENSSH, 257, true],
    ['of a short number', OPENSSH, 1, true],
    ['of a number that is too long', OPENSSH, 258, false],
    ['of nothing', OPENSSH, 0, false],
    ['to signs alone', 'ext-info-s', 32, false],
  ])('%s', (_name, methods, answerBytes, isPassed) => {
    const offer = sshPacket(kexinitPayload({ methods }));
    const reply = sshPacket(replyPayload(KEY, answerBytes));
    const bytes = [IDENTIFICATION, offer, reply, NEWKEYS_PACKET, ENCRYPTED];
    const { passed, verdict } = inspect(...bytes);
    expect(verdict.kind).toBe(isPassed ? 'match' : 'unverifiable');
    expect(passed).toEqual(Buffer.concat(isPassed ? bytes : bytes.slice(0, 2)));
  });
});

describe('another key', () => {
  test('passes nothing of the reply, nor anything after it, and says which key it was', () => {
    const other = hostKeyBlob(8);
    const bytes = Buffer.concat([
      IDENTIFICATION,
      KEXINIT,
      sshPacket(replyPayload(other)),
      NEWKEYS_PACKET,
      ENCRYPTED,
    ]);
    const inspection = inspect(bytes, ENCRYPTED);
    expect(inspection.verdict).toEqual({ kind: 'mismatch', presented: fingerprintOf(other) });
    expect(inspection.passed).toEqual(bytes.subarray(0, BEFORE_REPLY));
  });

  test('never passes with any one bit of the key changed', () => {
    for (let bit = 0; bit < KEY.length * 8; bit++) {
      const key = Buffer.from(KEY);
      key.writeUInt8(key.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const { passed, verdict } = inspect(
        IDENTIFICATION,
        KEXINIT,
        sshPacket(replyPayload(key)),
        NEWKEYS_PACKET,
      );
      expect(verdict.kind).toBe('mismatch');
      expect(passed).toHaveLength(BEFORE_REPLY);
    }
  });

  test('never passes whatever bytes stand for the key or for the whole reply', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (random, isWholeReply) => {
        const bytes = Buffer.from(random);
        fc.pre(!bytes.equals(KEY));
        const payload = isWholeReply ? Buffer.concat([Buffer.from([31]), bytes]) : replyPayload(bytes);
        const { passed, verdict } = inspect(IDENTIFICATION, KEXINIT, sshPacket(payload), NEWKEYS_PACKET);
        expect(['mismatch', 'unverifiable']).toContain(verdict.kind);
        expect(passed).toHaveLength(BEFORE_REPLY);
      }),
      { numRuns: 500 },
    );
  });

  test('does not pass in a second reply after the right one', () => {
    const second = sshPacket(replyPayload(hostKeyBlob(9)));
    const { passed, verdict } = inspect(IDENTIFICATION, KEXINIT, REPLY, second, NEWKEYS_PACKET);
    expect(verdict.kind).toBe('unverifiable');
    expect(passed).toHaveLength(BEFORE_REPLY + REPLY.length);
  });
});

describe('a host whose key cannot be checked is refused', () => {
  const kexinit = (options: Parameters<typeof kexinitPayload>[0]) => sshPacket(kexinitPayload(options));
  const afterIdentification: [string, Buffer[]][] = [
    [
      'a group exchange, whose message 31 could be a group shaped like the key',
      [kexinit({ methods: 'curve25519-sha256,diffie-hellman-group-exchange-sha256' }), REPLY],
    ],
    ['an unknown key exchange', [kexinit({ methods: 'curve25519-sha256,rsa2048-sha256' })]],
    ['a known method with something behind it', [kexinit({ methods: 'curve25519-sha256\0x' })]],
    ['no method at all', [kexinit({ methods: '' })]],
    ['a guessed packet', [kexinit({ guess: true })]],
    [
      'a guessed packet of ML-KEM',
      [
        kexinit({ methods: 'mlkem768x25519-sha256,curve25519-sha256', guess: true }),
        sshPacket(replyPayload(KEY, 1120)),
      ],
    ],
    ['a second offer', [KEXINIT, KEXINIT, REPLY]],
    ['a reply without an offer', [REPLY]],
    ['NEWKEYS without a reply', [KEXINIT, NEWKEYS_PACKET]],
    ['an offer that is too short', [sshPacket(kexinitPayload().subarray(0, -1))]],
    ['an offer that is too long', [sshPacket(Buffer.concat([kexinitPayload(), Buffer.alloc(1)]))]],
    ['a reply with a field more', [KEXINIT, sshPacket(Buffer.concat([replyPayload(KEY), sshString('x')]))]],
    ['a reply of the key alone', [KEXINIT, sshPacket(Buffer.concat([Buffer.from([31]), sshString(KEY)]))]],
    ...[2, 3, 4, 5, 7, 30, 33].map((message): [string, Buffer[]] => [
      `message ${message} in place of the reply`,
      [KEXINIT, sshPacket(Buffer.concat([Buffer.from([message]), replyPayload(KEY).subarray(1)])), REPLY],
    ]),
    ['a packet over 35,000 bytes', [sshPacket(Buffer.alloc(8), { lengthField: 35_004 })]],
    ['a packet of a whole address space', [sshPacket(Buffer.alloc(8), { lengthField: 0xffff_fffc })]],
    ['a packet that is no multiple of 8', [sshPacket(Buffer.alloc(8), { lengthField: 29 })]],
    ['a packet shorter than 16 bytes', [sshPacket(Buffer.alloc(8), { lengthField: 4 })]],
    ['less padding than 4 bytes', [sshPacket(Buffer.alloc(16 - 5 - 3), { paddingBytes: 3 })]],
    ['padding in place of a payload', [sshPacket(Buffer.alloc(0), { paddingBytes: 11 })]],
  ];

  test.each(afterIdentification)('%s', (_name, packets) => {
    const { passed, verdict } = inspect(IDENTIFICATION, ...packets, NEWKEYS_PACKET, ENCRYPTED);
    expect(verdict).toMatchObject({ kind: 'unverifiable', detail: expect.stringMatching(/\w/) });
    expect(passed.includes(REPLY)).toBe(false);
    expect(passed.includes(ENCRYPTED)).toBe(false);
  });

  test.each([
    ['SSH 1', 'SSH-1.5-old\r\n'],
    ['SSH 1.99', 'SSH-1.99-old\r\n'],
    ['an identification without software', 'SSH-2.0-\r\n'],
    ['an identification over 255 bytes', `SSH-2.0-${'x'.repeat(246)}\r\n`],
    ['a zero byte in the identification', 'SSH-2.0-x\0y\r\n'],
    ['a CR in the middle of a line', 'hello\rSSH-2.0-x\r\n'],
    ['two CR at the end of a line', 'SSH-2.0-x\r\r\n'],
    ['an identification in the middle of a line', 'hello SSH-2.0-x\r\n'],
    ['a zero byte before the identification', 'hello\0\r\n'],
    ['an endless line', 'x'.repeat(1_024)],
    ['endless lines', 'x\r\n'.repeat(65)],
  ])('%s', (_name, text) => {
    expect(inspect(Buffer.from(text, 'latin1'), HANDSHAKE).verdict.kind).toBe('unverifiable');
  });
});

describe('names of algorithms', () => {
  test.each([
    ['none', '', true],
    ['two', 'ssh-ed25519,rsa-sha2-256@example.com', true],
    ['64 characters', 'a'.repeat(64), true],
    ['65 characters', 'a'.repeat(65), false],
    ['an empty one', 'ssh-ed25519,', false],
    ['a space', 'your key', false],
    ['a bell', 'ssh\u0007', false],
    ['a line end', 'ssh-ed25519\r\n', false],
    ['another script', 'ключ', false],
  ])('are looked at: %s', (_, hostKeys, isPassed) => {
    const offer = sshPacket(kexinitPayload({ hostKeys }));
    const { passed, verdict } = inspect(IDENTIFICATION, offer);
    expect(passed.includes(offer)).toBe(isPassed);
    expect(verdict.kind).toBe(isPassed ? 'undecided' : 'unverifiable');
  });
});

describe('the end of a connection', () => {
  const disconnect = sshPacket(
    Buffer.concat([Buffer.from([1, 0, 0, 0, 2]), sshString('too many'), sshString('')]),
  );

  test.each([
    ['a reason of the RFC', disconnect, 2, 'a protocol error'],
    ['the last one of the RFC', sshPacket(Buffer.from([1, 0, 0, 0, 15])), 15, 'an illegal user name'],
    ['a number after the last', sshPacket(Buffer.from([1, 0, 0, 0, 16])), 11, 'by application'],
    ['zero', sshPacket(Buffer.from([1, 0, 0, 0, 0])), 11, 'by application'],
    ['no number', sshPacket(Buffer.from([1, 0, 0, 0])), 11, 'by application'],
  ])('is told with words of ours: %s', (_, packet, reason, words) => {
    const { passed, verdict } = inspect(IDENTIFICATION, KEXINIT, packet);
    const before = Buffer.concat([IDENTIFICATION, KEXINIT]);
    const told = readPacket(passed.subarray(before.length));
    const text = `ended before the host key was checked: ${words}`;
    const payload = Buffer.concat([Buffer.from([1, 0, 0, 0, reason]), sshString(text), sshString('')]);
    expect(told).toEqual({ kind: 'whole', bytes: passed.length - before.length, content: { payload } });
    expect(passed.subarray(0, before.length)).toEqual(before);
    expect(verdict).toEqual({ kind: 'undecided' });
  });

  test('lets nothing follow it', () => {
    const { passed, verdict } = inspect(IDENTIFICATION, KEXINIT, disconnect, REPLY, NEWKEYS_PACKET);
    expect(verdict.kind).toBe('unverifiable');
    expect(passed.includes(REPLY)).toBe(false);
  });
});

describe('a fingerprint', () => {
  const text = formatFingerprint(PINNED);

  test('is read as it is printed, padded or not', () => {
    expect(parseFingerprint(text)).toEqual(PINNED);
    expect(parseFingerprint(`${text}=`)).toEqual(PINNED);
  });

  test.each([
    '',
    'SHA256:',
    text.slice(0, -1),
    `${text}x`,
    `${text}==`,
    text.slice(7),
    `MD5:${'aa:'.repeat(15)}aa`,
    `${text.slice(0, -1)}B`,
  ])('is not read from %j', (wrong) => {
    expect(parseFingerprint(wrong)).toBeUndefined();
  });

  test('survives the way through text, whatever the digest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
        const fingerprint = { digest: Buffer.from(digest) };
        expect(parseFingerprint(formatFingerprint(fingerprint))).toEqual(fingerprint);
      }),
    );
  });
});

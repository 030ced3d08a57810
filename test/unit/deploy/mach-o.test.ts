// Programs for macOS: what is signed is what is there, and no half of a file gets a signature.
import { describe, expect, test } from 'vitest';
import { signAdHoc } from '../../../deploy/build/mach-o/ad-hoc-signature.ts';
import { readImage } from '../../../deploy/build/mach-o/image.ts';
import { checkSignature } from '../../../deploy/build/mach-o/signature-check.ts';
import { faultsOfSignature, walkMachO } from '../../support/executables/mach-o-walk.ts';
import { makeSmallMachO, SMALL_MACH_O } from '../../support/executables/small-mach-o.ts';

const LC_CODE_SIGNATURE = 0x1d;
const PAGE_BYTES = 4_096;

describe('an ad-hoc signature', () => {
  const plain = makeSmallMachO();
  const signed = signAdHoc(plain, 'converge.test');

  test('is of every page, by a count of its own', () => {
    expect(faultsOfSignature(signed)).toEqual([]);
    expect(faultsOfSignature(plain)).toEqual(['there is none']);
  });

  test('is named by one more load command, and is the end of __LINKEDIT and of the file', () => {
    const [before, after] = [walkMachO(plain), walkMachO(signed)];
    expect(after.commands).toEqual([...before.commands, LC_CODE_SIGNATURE]);
    const { offset, size } = after.signature ?? { offset: 0, size: 0 };
    expect(offset % 16).toBe(0);
    expect(offset + size).toBe(signed.length);
    const linkEdit = after.segments.get('__LINKEDIT');
    expect((linkEdit?.offset ?? 0) + (linkEdit?.size ?? 0)).toBe(signed.length);
    expect(linkEdit?.memorySize).toBe(BigInt(Math.ceil((linkEdit?.size ?? 0) / 0x4000) * 0x4000));
    expect(after.segments.get('__TEXT')).toMatchObject({ offset: 0, size: SMALL_MACH_O.textBytes });
  });

  test('is of an addon too, and says that it is no program', () => {
    const addon = makeSmallMachO();
    addon.writeUInt32LE(8, SMALL_MACH_O.fileTypeAt);
    const after = signAdHoc(addon, 'converge.test');
    expect(faultsOfSignature(after)).toEqual([]);
    expect(readImage(after).kind).toBe('addon');
    // execSegFlags of the code directory, in which a program is marked as one.
    const flagsOf = (file: Buffer): bigint =>
      file.readBigUInt64BE(file.indexOf(Buffer.from('fade0c02', 'hex')) + 80);
    expect([flagsOf(after), flagsOf(signed)]).toEqual([0n, 1n]);
  });

  test('leaves the program as it was, but for the header', () => {
    const { commandsEnd } = readImage(signed);
    expect(signed.subarray(commandsEnd, plain.length)).toEqual(plain.subarray(commandsEnd));
  });

  test('takes the place of the one that was there', () => {
    expect(signAdHoc(signed, 'converge.test')).toEqual(signed);
    const longer = signAdHoc(signed, 'converge.test.of.a.longer.name');
    expect(faultsOfSignature(longer)).toEqual([]);
    expect(signAdHoc(longer, 'converge.test')).toEqual(signed);
  });

  test('is read again as what it is', () => {
    const check = checkSignature(signed);
    expect(check).toMatchObject({
      kind: 'intact',
      directory: { identifier: 'converge.test', isAdHoc: true, pageBytes: PAGE_BYTES },
    });
    expect(checkSignature(plain)).toEqual({ kind: 'unsigned' });
  });

  test.each([0, 1, 4, 5])('does not fit when page %i has changed', (page) => {
    const changed = Buffer.from(signed);
    const at = page * PAGE_BYTES + (page === 0 ? 900 : 17);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(checkSignature(changed)).toEqual({ kind: 'page_changed', page });
    expect(faultsOfSignature(changed)).toEqual([`page ${page}`]);
  });

  test('does not fit when the requirements have changed', () => {
    const changed = Buffer.from(signed);
    const magic = Buffer.from('fade0c01', 'hex');
    changed.writeUInt8(1, changed.indexOf(magic, plain.length) + 11);
    expect(checkSignature(changed)).toEqual({ kind: 'part_changed', slot: 2 });
  });
});

describe('what is no whole program is refused with a sentence:', () => {
  const spoilt = (spoil: (file: Buffer) => void): Buffer => {
    const file = makeSmallMachO();
    spoil(file);
    return file;
  };

  test.each([
    ['an empty file', Buffer.alloc(0), '0 bytes are no Mach-O file'],
    ['a script', Buffer.from('#!/bin/sh\n'.repeat(10)), 'it does not begin as a Mach-O file of 64 bits does'],
    [
      'a file for two processors',
      spoilt((file) => file.writeUInt32BE(0xcafebabe, 0)),
      /^it is for several processors/,
    ],
    ['a file for another processor', spoilt((file) => file.writeUInt32LE(7, 4)), /other than arm64 and x64/],
    ['a library', spoilt((file) => file.writeUInt32LE(6, SMALL_MACH_O.fileTypeAt)), /and no program$/],
    [
      'half of the header',
      makeSmallMachO().subarray(0, 100),
      /^its load commands end at \d+, the file at 100$/,
    ],
    [
      'a truncated file',
      makeSmallMachO().subarray(0, -1),
      'segment __LINKEDIT ends at 20705, the file at 20704',
    ],
    [
      'a file with something behind it',
      Buffer.concat([makeSmallMachO(), Buffer.alloc(1)]),
      /^__LINKEDIT ends at 20705/,
    ],
    [
      'more commands than there are',
      spoilt((file) => file.writeUInt32LE(4, 16)),
      /^load command 3 of 4 is beyond/,
    ],
    [
      'fewer commands than there are',
      spoilt((file) => file.writeUInt32LE(2, 16)),
      /^its 2 load commands end at/,
    ],
    [
      'a command of no length',
      spoilt((file) => file.writeUInt32LE(0, 36)),
      'load command 0 of 3 cannot have 0 bytes',
    ],
    [
      'a segment with too many sections',
      spoilt((file) => file.writeUInt32LE(9, 96)),
      /no room for its 9 sections$/,
    ],
    ['a segment of an endless size', spoilt((file) => file.writeBigUInt64LE(2n ** 60n, 80)), /is no size: /],
    ['a program without __TEXT', spoilt((file) => file.write('__TEXX', 40)), 'it has no segment __TEXT'],
    ['no room for a command', makeSmallMachO(8), 'it has no room for one more load command'],
    [
      'something in the room',
      spoilt((file) => file.writeUInt8(1, 32 + file.readUInt32LE(20) + 3)),
      'there is something where the next load command has to go',
    ],
  ])('%s', (_, file, message) => {
    expect(() => signAdHoc(file, 'x')).toThrow(message);
  });

  test.each([
    ['cut off inside of it', (file: Buffer) => file.subarray(0, -40), /ends at \d+, the file at \d+$/],
    [
      'whose command points elsewhere',
      (file: Buffer) => (file.writeUInt32LE(64, readImage(file).commandsEnd - 8), file),
      /^its signature is from 64 /,
    ],
    [
      'that is all zeros',
      (file: Buffer) => file.fill(0, readImage(file).signature?.offset ?? 0),
      'its signature does not begin as one does',
    ],
    [
      'that is of fewer bytes than there are',
      (file: Buffer) => {
        const at = file.indexOf(Buffer.from('fade0c02', 'hex'));
        file.writeUInt32BE(file.readUInt32BE(at + 32) - 1, at + 32);
        return file;
      },
      /^its signature is of \d+ bytes, and begins at \d+$/,
    ],
    [
      'with fewer hashes than pages',
      (file: Buffer) => {
        const at = file.indexOf(Buffer.from('fade0c02', 'hex'));
        file.writeUInt32BE(file.readUInt32BE(at + 28) - 1, at + 28);
        return file;
      },
      /^its code directory has \d+ hashes for \d+ bytes$/,
    ],
  ])('a signature %s', (_, spoil, message) => {
    const file = spoil(signAdHoc(makeSmallMachO(), 'x'));
    expect(() => checkSignature(file)).toThrow(message);
  });
});

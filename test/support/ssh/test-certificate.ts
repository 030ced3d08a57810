// Certificates of a test, whose every field may be wrong: ssh-keygen makes none of those.
import { randomBytes } from 'node:crypto';
import { wireString, wireUint32, wireUint64 } from '../../../services/shared/ssh/strings.ts';
import type { SignOptions, TestKey } from './test-key.ts';

export interface TestCertificate {
  readonly type: string;
  readonly keyFields: Buffer;
  readonly serial: bigint;
  /** 1: of a user, 2: of a host. */
  readonly role: number;
  readonly keyId: Buffer | string;
  readonly principals: readonly (Buffer | string)[];
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly critical: readonly (readonly [name: string, data: Buffer])[];
  readonly extensions: readonly (readonly [name: string, data: Buffer])[];
  readonly authority: Buffer;
}

/** Seconds since 1970. */
export const FOR_EVER = 2n ** 64n - 1n;

/** A user certificate for `key` that is good for `jane` at all times; `changes` are what is to be different. */
export function makeTestCertificate(
  key: TestKey,
  authority: TestKey,
  changes: Partial<TestCertificate> = {},
  signing: SignOptions = {},
): Buffer {
  const body = certificateBody({
    type: key.type.replace(/(@openssh\.com)?$/, '-cert-v01@openssh.com'),
    keyFields: key.fields,
    serial: 7n,
    role: 1,
    keyId: 'jane at work',
    principals: ['jane'],
    validAfter: 0n,
    validBefore: FOR_EVER,
    critical: [],
    extensions: [['permit-pty', Buffer.alloc(0)]],
    authority: authority.blob,
    ...changes,
  });
  return Buffer.concat([body, wireString(authority.sign(body, signing))]);
}

/** What the authority signs. */
function certificateBody(fields: TestCertificate): Buffer {
  return Buffer.concat([
    wireString(fields.type),
    wireString(randomBytes(32)),
    fields.keyFields,
    wireUint64(fields.serial),
    wireUint32(fields.role),
    wireString(fields.keyId),
    wireString(Buffer.concat(fields.principals.map((principal) => wireString(principal)))),
    wireUint64(fields.validAfter),
    wireUint64(fields.validBefore),
    wireString(optionFields(fields.critical)),
    wireString(optionFields(fields.extensions)),
    wireString(''), // reserved
    wireString(fields.authority),
  ]);
}

function optionFields(options: TestCertificate['critical']): Buffer {
  return Buffer.concat(options.flatMap(([name, data]) => [wireString(name), wireString(data)]));
}

/** An option whose data is a text. */
export function textOption(name: string, text: string): readonly [name: string, data: Buffer] {
  return [name, wireString(text)];
}

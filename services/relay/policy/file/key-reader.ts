// Keys in the policy file: lines as in a `.pub` file, and lists of what is revoked.
import { createHash } from 'node:crypto';
import { isCertificateType } from '#shared/ssh/certificate.ts';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { readBlobLine, readKeyLine } from '#shared/ssh/key-line.ts';
import { KEY_TYPES } from '#shared/ssh/public-key.ts';
import { readRevocations } from '#shared/ssh/revocation-file.ts';
import type { RuleKey, RuleRevocations } from '../policy.ts';
import { type Fields, quoted } from './fields.ts';
import type { FaultList } from './policy-fault.ts';

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The keys in `word`, those that can be read. */
export function readKeys(fields: Fields, word: string, faults: FaultList): RuleKey[] {
  const seen = new Map<string, number>();
  return (fields.texts(word) ?? []).flatMap(({ text, line }) => {
    const fault = keyFault(text);
    const read = readKeyLine(text);
    if (fault !== undefined || read === undefined) {
      faults.add(line, fields.about(`${keyName(text)} ${fault ?? 'is no key'}`));
      return [];
    }
    const fingerprint = keyFingerprint(read.key.blob);
    const known = seen.get(fingerprint);
    if (known !== undefined)
      faults.add(
        line,
        fields.about(`the key ${fingerprint} is there twice, in line ${known} too: leave one out`),
      );
    seen.set(fingerprint, line);
    return [{ fingerprint, comment: read.comment }];
  });
}

/** The rest of a sentence that the line begins; undefined if it is a key. */
export function keyFault(text: string): string | undefined {
  if (text.includes('\n')) return 'has several lines: one key each';
  if (text.includes('PRIVATE KEY'))
    return 'is a private key: give the line of its .pub file, and make a new key';
  if (readKeyLine(text) !== undefined) return undefined;
  const line = readBlobLine(text);
  if (line === undefined)
    return 'is no key: write TYPE BASE64 COMMENT, as a .pub file has it, without options';
  if (isCertificateType(line.type))
    return 'is a certificate: give the key of the authority that signs such ones';
  return `is no key that is taken: the types are ${KEY_TYPES.join(', ')}`;
}

/** A line in a message; of what may be secret, nothing. */
export function keyName(text: string): string {
  return text.includes('PRIVATE KEY') ? 'what stands here' : quoted(text);
}

/** The list in `revoked-keys`, base64 of a KRL or of a file of keys. */
export function readRevoked(fields: Fields, faults: FaultList): RuleRevocations | undefined {
  const node = fields.text('revoked-keys');
  if (node === undefined) return undefined;
  const base64 = node.text.replaceAll(/\s/g, '');
  if (!BASE64.test(base64)) {
    faults.add(node.line, fields.about('"revoked-keys" is not base64: write what "base64 -w0 FILE" prints'));
    return undefined;
  }
  const file = Buffer.from(base64, 'base64');
  const read = readRevocations(file);
  if (read.kind === 'malformed') {
    faults.add(node.line, fields.about(`the list in "revoked-keys" ${read.detail}`));
    return undefined;
  }
  return { list: read.list, sha256: createHash('sha256').update(file).digest('hex') };
}

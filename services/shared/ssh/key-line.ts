// Key lines: a key or a certificate as a `.pub` file has it, `TYPE BASE64 COMMENT`.
import { keyTypeOf, type PublicKey, readPublicKey } from './public-key.ts';

const LINE = /^(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?$/;

/** What a line holds; that it is a key or a certificate nobody has looked at. */
export interface BlobLine {
  readonly type: string;
  /** In SSH's wire form. */
  readonly blob: Buffer;
  /** Usually whose it is; may be empty. */
  readonly comment: string;
}

export interface KeyLine {
  readonly key: PublicKey;
  readonly comment: string;
}

/** Reads a line whose type is that of what follows; undefined for any other, with options before the type too. */
export function readBlobLine(line: string): BlobLine | undefined {
  const [, type = '', base64 = '', comment = ''] = LINE.exec(line.trim()) ?? [];
  const blob = Buffer.from(base64, 'base64');
  return keyTypeOf(blob) === type ? { type, blob, comment } : undefined;
}

/** Reads a line with a key of a type that counts; undefined for any other, a certificate too. */
export function readKeyLine(line: string): KeyLine | undefined {
  const read = readBlobLine(line);
  const key = read === undefined ? undefined : readPublicKey(read.blob);
  return read === undefined || key === undefined ? undefined : { key, comment: read.comment };
}

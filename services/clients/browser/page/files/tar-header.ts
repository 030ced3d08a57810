// Headers of a tar archive: ustar (POSIX 1003.1-1988), and pax records before those files that do not fit it.
import { joinBytes } from '#shared/stream/byte-chunk.ts';

const BLOCK_BYTES = 512;

/** ustar has eleven octal digits for a size. */
const MAX_USTAR_BYTES = 0o77777777777;
const MAX_NAME_BYTES = 100;

export interface TarEntry {
  /** Relative, with `/` between segments. */
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** Of a file, in bytes. */
  readonly size: number;
  readonly permissions: number;
  /** In seconds since the epoch. */
  readonly modified: number;
}

/** What comes before the content. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const path = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
  const name = new TextEncoder().encode(path);
  const fits = name.length <= MAX_NAME_BYTES && entry.size <= MAX_USTAR_BYTES;
  const own = block(name, entry.kind === 'folder' ? '5' : '0', entry);
  if (fits) return own;
  const records = record('path', path) + record('size', String(entry.size));
  const content = new TextEncoder().encode(records);
  const before = block(new TextEncoder().encode('PaxHeader'), 'x', { ...entry, size: content.length });
  return joinBytes([before, content, new Uint8Array(tarPadding(content.length)), own]);
}

/** Two empty blocks end an archive. */
export const TAR_END = new Uint8Array(2 * BLOCK_BYTES);

/** How many zeros follow a content of so many bytes. */
export function tarPadding(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

function block(
  name: Uint8Array,
  type: string,
  { size, permissions, modified }: Pick<TarEntry, 'size' | 'permissions' | 'modified'>,
): Uint8Array {
  const bytes = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string): void => bytes.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  bytes.set(name.subarray(0, MAX_NAME_BYTES), 0);
  put(100, octal(permissions & 0o7777, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size <= MAX_USTAR_BYTES ? size : 0, 11));
  put(136, octal(Math.max(0, Math.floor(modified)), 11));
  // The sum is made as if its own place were blank.
  put(148, ' '.repeat(8));
  put(156, type);
  put(257, 'ustar\u000000');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return bytes;
}

/** Its length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = new TextEncoder().encode(rest).length;
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

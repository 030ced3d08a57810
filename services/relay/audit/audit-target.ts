// Audit targets: where the lines go, as the variable AUDIT_TO says.
import { isAbsolute } from 'node:path';

export type AuditTarget =
  /** Beside the log. */
  | { readonly kind: 'stdout' }
  /** Absolute. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'endpoint'; readonly url: URL };

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export const AUDIT_TO_RULE =
  'stdout, file:/PATH or https://HOST/PATH (http:// on this machine alone, and no name or password in it)';

/** Undefined: `text` is none of these. */
export function parseAuditTarget(text: string): AuditTarget | undefined {
  if (text === 'stdout') return { kind: 'stdout' };
  const path = text.startsWith('file:') ? text.slice('file:'.length).replace(/^\/\/(?=\/)/, '') : text;
  if (isAbsolute(path)) return path.endsWith('/') ? undefined : { kind: 'file', path };
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return undefined;
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
  return isSafe ? { kind: 'endpoint', url } : undefined;
}

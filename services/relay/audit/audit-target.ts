// Audit targets: where the lines go, as the variable AUDIT_TO says.
import { isAbsolute } from 'node:path';
import { isPrivateUrl } from '#shared/protocol/loopback.ts';

export type AuditTarget =
  /** Beside the log. */
  | { readonly kind: 'stdout' }
  /** Absolute. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'endpoint'; readonly url: URL };

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
  return isPrivateUrl(url) ? { kind: 'endpoint', url } : undefined;
}

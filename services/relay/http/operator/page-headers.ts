// Headers of the operator's page: it runs its own style and script, and asks nobody but the relay that served it.
import { createHash } from 'node:crypto';
import { OPERATOR_SCRIPT, TRUSTED_TYPES_POLICY } from './operator-script.ts';
import { OPERATOR_STYLE } from './operator-style.ts';

export const OPERATOR_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    `style-src ${hashOf(OPERATOR_STYLE)}`,
    `script-src ${hashOf(OPERATOR_SCRIPT)}`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${TRUSTED_TYPES_POLICY}`,
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // Not `no-referrer`: a form would then say that its origin is `null`.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
} as const;

function hashOf(content: string): string {
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}

// Headers of the terminal page: what it may load, whom it may ask, and who may show it. Secrets are typed into it.

/**
 * Nothing inline, nothing of others. `connect-src 'self'` is this relay by http(s) and by ws(s) (CSP level 3, section 6.7.2.8).
 * `blob:` is for previews of images that came through SSH.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data: blob:',
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const COMMON_HEADERS = {
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const;

export const TERMINAL_PAGE_HEADERS = {
  ...COMMON_HEADERS,
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  // It names the script of this build, and an ID is in its address.
  'cache-control': 'no-store',
} as const;

/** For a script or a style, whose name changes with its content. */
export const ASSET_HEADERS = {
  ...COMMON_HEADERS,
  vary: 'accept-encoding',
  'cache-control': 'public, max-age=31536000, immutable',
} as const;

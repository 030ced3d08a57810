// The text of the terminal page: what a browser reads before script and style, and all three in one file.

/** Script or style, minified. */
export interface PagePart {
  /** `terminal-DIGEST.js`: another content has another name, so a browser may keep it for ever. */
  readonly name: string;
  readonly text: string;
  /** `sha384-…`, subresource integrity. */
  readonly integrity: string;
  /** `'sha256-…'`, what a Content-Security-Policy lets stand in the page itself. */
  readonly cspHash: string;
}

export interface PageParts {
  /** Opens the connection. */
  readonly script: PagePart;
  /** The terminals, which the first script waits for when the job is open. */
  readonly screen: PagePart;
  readonly style: PagePart;
  /** SHA-256 of both scripts, one behind the other, in hex: what the page shows as its own. */
  readonly digest: string;
}

/** Two lines that become one: the mark of Converge, so that no server is asked for an icon. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" stroke="#0f7c74"><path d="M3 5c7 0 7 7 13 7M3 19c7 0 7-7 13-7M16 12h5" fill="none" stroke-width="2.4" stroke-linecap="round"/></svg>',
)}`;

/**
 * Wherever the page lies: a relay adds headers of its own that let it ask that relay alone. `blob:` is for previews of images.
 * Other relays are reached over wss, or on this machine.
 */
function policyOf(script: string, style: string): string {
  const relays = 'wss: https: ws://localhost:* ws://127.0.0.1:* http://localhost:* http://127.0.0.1:*';
  return [
    "default-src 'none'",
    `script-src ${script}`,
    `style-src ${style}`,
    `connect-src 'self' ${relays}`,
    'img-src data: blob:',
    "form-action 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

/**
 * `index.html`, with paths that hold below any prefix. The first script is `async`: it waits neither for the style nor for
 * the second one, so that the connection is under way while they come.
 */
export function pageText({ script, screen, style, digest }: PageParts): string {
  const attributes = ({ integrity }: PagePart): string => `integrity="${integrity}" crossorigin="anonymous"`;
  return documentText({
    policy: policyOf("'self'", "'self'"),
    digest,
    head: [
      `<script async fetchpriority="high" src="assets/${script.name}" ${attributes(script)}></script>`,
      `<link rel="stylesheet" href="assets/${style.name}" ${attributes(style)}>`,
      `<script defer src="assets/${screen.name}" ${attributes(screen)}></script>`,
    ],
    foot: [],
  });
}

/** The page in one file: to be kept, checked once, and opened from disk. */
export function singleFileText({ script, screen, style, digest }: PageParts): string {
  return documentText({
    policy: policyOf(`${script.cspHash} ${screen.cspHash}`, style.cspHash),
    digest,
    head: [`<style>${style.text}</style>`],
    foot: [`<script>${script.text}</script>`, `<script>${screen.text}</script>`],
  });
}

interface DocumentParts {
  readonly policy: string;
  readonly digest: string;
  readonly head: readonly string[];
  readonly foot: readonly string[];
}

function documentText({ policy, digest, head, foot }: DocumentParts): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="content-security-policy" content="${policy}">`,
    '<meta name="referrer" content="no-referrer">',
    '<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">',
    '<meta name="color-scheme" content="light dark">',
    '<meta name="robots" content="noindex">',
    `<meta name="converge-build" content="${digest}">`,
    '<title>Converge</title>',
    `<link rel="icon" href="${ICON}">`,
    ...head,
    '</head>',
    '<body>',
    '<noscript>This page is an SSH client in JavaScript, which is switched off in this browser.</noscript>',
    ...foot,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

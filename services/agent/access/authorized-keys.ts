// Authorized keys: sshd's AUTHORIZED_KEYS FILE FORMAT, as far as it can be honoured here.
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { isSupportedKeyType, keyTypeOf, readPublicKey } from '#shared/ssh/public-key.ts';

/** A file is read whole; more than this is a mistake. */
export const MAX_AUTHORIZED_KEYS_BYTES = 1024 * 1024;

export interface AuthorizedKey {
  readonly type: string;
  /** The key in SSH's wire form. */
  readonly blob: Buffer;
  readonly fingerprint: string;
  /** What follows the key, usually who owns it; may be empty. */
  readonly comment: string;
}

export type AuthorizedKeys =
  /** `notes`: what was left out, for the log. */
  | { readonly kind: 'parsed'; readonly keys: readonly AuthorizedKey[]; readonly notes: readonly string[] }
  /** Every problem, each naming its line: nobody may enter by a file that was half understood. */
  | {
      readonly kind: 'refused';
      readonly problems: readonly string[];
      /** How many lines were keys all the same. */
      readonly keyCount: number;
    };

/** Options that narrow what a key may do. To ignore one would let in more than its owner meant. */
const RESTRICTIONS: ReadonlySet<string> = new Set([
  'cert-authority',
  'command',
  'expiry-time',
  'from',
  'no-agent-forwarding',
  'no-port-forwarding',
  'no-pty',
  'permitlisten',
  'permitopen',
  'principals',
  'restrict',
  'verify-required',
]);

type Line =
  | { readonly kind: 'key'; readonly key: AuthorizedKey; readonly note: string | undefined }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'problem'; readonly text: string };

/** Parses one file. `source` names it in notes and problems. */
export function parseAuthorizedKeys(text: string, source: string): AuthorizedKeys {
  if (Buffer.byteLength(text) > MAX_AUTHORIZED_KEYS_BYTES) {
    const problem = `${source}: larger than ${MAX_AUTHORIZED_KEYS_BYTES} bytes`;
    return { kind: 'refused', problems: [problem], keyCount: 0 };
  }
  const keys: AuthorizedKey[] = [];
  const notes: string[] = [];
  const problems: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const line = parseLine(content);
    const at = `${source}, line ${index + 1}`;
    if (line.kind === 'problem') problems.push(`${at}: ${line.text}`);
    if (line.kind === 'note') notes.push(`${at}: ${line.text}`);
    if (line.kind !== 'key') continue;
    keys.push(line.key);
    if (line.note !== undefined) notes.push(`${at}: ${line.note}`);
  }
  if (problems.length === 0 && keys.length === 0) problems.push(`${source}: no usable key`);
  if (problems.length > 0) return { kind: 'refused', problems, keyCount: keys.length };
  return { kind: 'parsed', keys, notes };
}

/** The key with this blob, if any. */
export function findKey(keys: readonly AuthorizedKey[], blob: Buffer): AuthorizedKey | undefined {
  return keys.find((key) => key.blob.equals(blob));
}

function parseLine(content: string): Line {
  const [options, rest] = isKeyStart(content) ? [[], content] : splitOptions(content);
  const fields = /^(\S+)\s+(\S+)(?:\s+(.*))?$/s.exec(rest);
  const type = fields?.[1];
  if (fields === null || type === undefined) return { kind: 'problem', text: 'not a public key' };
  const names = options.map((option) => option.split('=', 1)[0]?.toLowerCase() ?? '');
  const restriction = names.find((name) => RESTRICTIONS.has(name));
  if (restriction !== undefined) {
    const wayOut =
      restriction === 'cert-authority'
        ? 'name its key with --trusted-user-ca'
        : 'remove the line or the option';
    const text = `the option ${restriction} is not supported here; ${wayOut}`;
    return { kind: 'problem', text };
  }
  const blob = Buffer.from(fields[2] ?? '', 'base64');
  if (!isSupportedKeyType(type)) {
    if (keyTypeOf(blob) !== type) return { kind: 'problem', text: 'not a public key' };
    return { kind: 'note', text: `keys of type ${type} cannot log in here, skipped` };
  }
  if (keyTypeOf(blob) !== type || readPublicKey(blob) === undefined) {
    return { kind: 'problem', text: `not a valid ${type} key` };
  }
  const key = { type, blob, fingerprint: keyFingerprint(blob), comment: fields[3]?.trim() ?? '' };
  const note = names.length === 0 ? undefined : `ignored the options ${names.join(', ')}`;
  return { kind: 'key', key, note };
}

function isKeyStart(content: string): boolean {
  return /^(ssh-|ecdsa-|sk-|webauthn-)[\w@.-]+\s/.test(content);
}

/** Cuts `a,b="x, y" ssh-ed25519 …` into the options and what follows; a quoted value may hold commas and spaces. */
function splitOptions(content: string): [string[], string] {
  const options: string[] = [];
  let current = '';
  let quoted = false;
  let index = 0;
  for (; index < content.length; index++) {
    const character = content.charAt(index);
    if (character === '"' && content[index - 1] !== '\\') quoted = !quoted;
    if (!quoted && (character === ' ' || character === '\t')) break;
    if (!quoted && character === ',') {
      options.push(current);
      current = '';
    } else {
      current += character;
    }
  }
  options.push(current);
  return [options.filter((option) => option !== ''), content.slice(index).trim()];
}

// Options of certificates: what an authority demands of a login (critical), and what it allows (extensions).
import { type AddressList, readAddressList } from './address-list.ts';
import { WireReader } from './strings.ts';

/** What is known of the options, each with its meaning (OpenSSH's PROTOCOL.certkeys). */
export interface CertificateOptions {
  /** Instead of whatever the client asks for, this command. */
  readonly forceCommand: string | undefined;
  /** Only from these addresses. */
  readonly sourceAddress: AddressList | undefined;
  /** Only with a FIDO key that knew its owner. */
  readonly verifyRequired: boolean;
  /** All critical options by name, as they are written; a flag has no text. Each has been understood. */
  readonly critical: ReadonlyMap<string, string>;
  /** All extensions by name, `permit-pty` for one, with their data. Those that nobody knows mean nothing. */
  readonly extensions: ReadonlyMap<string, Buffer>;
}

export type ReadOptions =
  | { readonly kind: 'read'; readonly options: CertificateOptions }
  | { readonly kind: 'malformed' | 'unknown_option'; readonly detail: string };

/** Without data, whatever somebody wrote there. */
const KNOWN_FLAGS: ReadonlySet<string> = new Set([
  'no-touch-required',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
  'permit-X11-forwarding',
]);

/** Of a name that nobody knows, so many characters are told. */
const MAX_NAME_TOLD = 64;

/** Name and data of each option in a field; undefined if it is cut short or names one twice. Never throws. */
export function readOptionNames(field: Buffer | undefined): ReadonlyMap<string, Buffer> | undefined {
  if (field === undefined) return undefined;
  const reader = new WireReader(field);
  const options = new Map<string, Buffer>();
  while (!reader.isAtEnd()) {
    const name = reader.text();
    const data = reader.string();
    if (name === undefined || data === undefined || options.has(name)) return undefined;
    options.set(name, data);
  }
  return options;
}

/** What the options mean; an unknown critical one is a no, since it may be there to keep somebody out. Never throws. */
export function readCertificateOptions(
  critical: ReadonlyMap<string, Buffer> | undefined,
  extensions: ReadonlyMap<string, Buffer> | undefined,
): ReadOptions {
  if (critical === undefined || extensions === undefined) return malformed('has options that cannot be read');
  const flag = [...extensions].find(([name, data]) => KNOWN_FLAGS.has(name) && data.length > 0);
  if (flag !== undefined) return malformed(`has data in the extension ${flag[0]}, which has none`);
  const texts = new Map<string, string>();
  for (const [name, data] of critical) {
    const text = criticalText(name, data);
    if (text.kind !== 'text') return text;
    texts.set(name, text.text);
  }
  const list = texts.get('source-address');
  const sourceAddress = list === undefined ? undefined : readAddressList(list);
  if (list !== undefined && sourceAddress === undefined)
    return malformed('has a source-address that is no list of addresses');
  const options: CertificateOptions = {
    forceCommand: texts.get('force-command'),
    sourceAddress,
    verifyRequired: texts.has('verify-required'),
    critical: texts,
    extensions,
  };
  return { kind: 'read', options };
}

type CriticalText = { readonly kind: 'text'; readonly text: string } | Exclude<ReadOptions, { kind: 'read' }>;

function criticalText(name: string, data: Buffer): CriticalText {
  switch (name) {
    case 'verify-required':
      if (data.length > 0) return malformed('has data in verify-required, which has none');
      return { kind: 'text', text: '' };
    case 'force-command':
    case 'source-address': {
      const reader = new WireReader(data);
      const text = reader.text();
      if (text === undefined || !reader.isAtEnd()) return malformed(`has a ${name} that is no text`);
      return { kind: 'text', text };
    }
    default:
      return {
        kind: 'unknown_option',
        detail: `has the critical option ${JSON.stringify(name.slice(0, MAX_NAME_TOLD))}, which is not known here`,
      };
  }
}

function malformed(detail: string): { readonly kind: 'malformed'; readonly detail: string } {
  return { kind: 'malformed', detail };
}

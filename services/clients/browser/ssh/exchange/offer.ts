// The offer: KEXINIT of both ends (RFC 4253 section 7.1), and what the two have in common. One suite, and nothing else.
import { MESSAGES } from '../wire/messages.ts';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshReader } from '../wire/ssh-reader.ts';
import { SshWriter } from '../wire/ssh-writer.ts';
import { HOST_KEY_TYPE } from './host-key.ts';
import { KEX_METHODS, type KexMethodName, PREFERRED_METHOD } from './kex-methods.ts';

const CIPHER = 'aes256-gcm@openssh.com';
/** Never used: the cipher authenticates. Some hosts want to find one in the list all the same. */
const MACS = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-256'];
const COMPRESSION = 'none';
/** OpenSSH PROTOCOL 1.10, and RFC 8308: of the first exchange only. */
const SIGNS = ['ext-info-c', 'kex-strict-c-v00@openssh.com'];
const COOKIE_BYTES = 16;

/**
 * Random, so that no host can choose our hash. `isFirst`: of this connection; then a share for the first method follows at once,
 * which the host skips if the guess was wrong (`OfferChoice`).
 */
export function encodeOffer(isFirst: boolean): Uint8Array {
  const kex = [...Object.keys(KEX_METHODS), ...(isFirst ? SIGNS : [])];
  const cookie = crypto.getRandomValues(new Uint8Array(COOKIE_BYTES));
  const writer = new SshWriter(MESSAGES.kexInit).raw(cookie).nameList(kex).nameList([HOST_KEY_TYPE]);
  writer.nameList([CIPHER]).nameList([CIPHER]).nameList(MACS).nameList(MACS);
  writer.nameList([COMPRESSION]).nameList([COMPRESSION]).nameList([]).nameList([]);
  return writer.boolean(isFirst).uint32(0).bytes();
}

/** What follows from the offers of both. */
export interface OfferChoice {
  readonly method: KexMethodName;
  /** Whether both prefer the same method and host key: only then the host takes what was sent before its offer came. */
  readonly isAsGuessed: boolean;
}

/** From the host's KEXINIT. Throws where there is nothing in common, and names what is missing. */
export function chooseMethod(hostOffer: Uint8Array): OfferChoice {
  const reader = new SshReader(hostOffer, 1 + COOKIE_BYTES);
  const [kex, hostKeys, toHost, fromHost, , , packTo, packFrom] = Array.from({ length: 10 }, () =>
    reader.nameList(),
  );
  const isGuessed = reader.boolean();
  reader.uint32();
  reader.end();
  const method = (Object.keys(KEX_METHODS) as KexMethodName[]).find((name) => kex?.includes(name));
  if (method === undefined) throw missing('key exchange');
  if (hostKeys?.includes(HOST_KEY_TYPE) !== true) throw missing('host key');
  if (toHost?.includes(CIPHER) !== true || fromHost?.includes(CIPHER) !== true) throw missing('cipher');
  if (packTo?.includes(COMPRESSION) !== true || packFrom?.includes(COMPRESSION) !== true) {
    throw missing('compression');
  }
  // In both methods the client speaks first: a host has nothing to guess.
  if (isGuessed) throw new SshFault('out_of_place', 'the host sends a guessed key exchange packet');
  return { method, isAsGuessed: kex?.[0] === PREFERRED_METHOD && hostKeys[0] === HOST_KEY_TYPE };
}

function missing(what: string): SshFault {
  return new SshFault('no_common_algorithm', `the host offers no ${what} that this page speaks`);
}

// The cluster key: a secret of the pods of one relay, to seal tickets and to prove themselves to each other.
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { takeRandomBytes } from '#shared/machine/random-pool.ts';
import { Mac } from './mac.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What a signature is for: one made for one purpose is worthless for another. */
export type Purpose = 'peer' | 'registry' | 'grant' | 'pass' | 'challenge';

/** What something is sealed for: what was sealed for one purpose cannot be opened for another. */
export type SealPurpose = 'ticket' | SignOnSealPurpose;

/** Of single sign-on: what begins one, what a person has then, and what a browser keeps meanwhile. */
export type SignOnSealPurpose = 'sign-on-handle' | 'sign-on-refresh' | 'sign-on' | 'sign-on-trip';

interface Keys {
  /** Key objects, since Node takes four times as long to seal with a key that is a buffer. */
  readonly sealing: Readonly<Record<SealPurpose, KeyObject>>;
  readonly signing: Readonly<Record<Purpose, Mac>>;
}

export class ClusterKey {
  /** The first is used; all are accepted. */
  readonly #keys: readonly Keys[];

  /** `secrets`, the one in use first; a second one is the one before or after it, while it is rotated. */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => ({
      sealing: {
        ticket: sealingKey(secret, 'ticket'),
        'sign-on-handle': sealingKey(secret, 'sign-on handle'),
        'sign-on-refresh': sealingKey(secret, 'sign-on refresh'),
        'sign-on': sealingKey(secret, 'sign-on'),
        'sign-on-trip': sealingKey(secret, 'sign-on trip'),
      },
      signing: {
        peer: new Mac(derive(secret, 'peer')),
        registry: new Mac(derive(secret, 'registry')),
        grant: new Mac(derive(secret, 'grant')),
        pass: new Mac(derive(secret, 'pass')),
        challenge: new Mac(derive(secret, 'challenge')),
      },
    }));
  }

  /** Base64url of text that only this cluster can read or make (AES-256-GCM). */
  seal(text: string, purpose: SealPurpose = 'ticket'): string {
    const iv = takeRandomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#current.sealing[purpose], iv);
    const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return sealed.toString('base64url');
  }

  /** What was sealed; undefined if it was not sealed by this cluster, and for this purpose. */
  open(sealed: string, purpose: SealPurpose = 'ticket'): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
    for (const { sealing } of this.#keys) {
      const decipher = createDecipheriv('aes-256-gcm', sealing[purpose], bytes.subarray(0, IV_BYTES));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
      try {
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch {
        // Sealed with another secret, or forged: the next one may fit.
      }
    }
    return undefined;
  }

  /** HMAC-SHA256, base64url. */
  sign(purpose: Purpose, text: string): string {
    return this.#current.signing[purpose].digest(text, 'base64url');
  }

  /** Compares in constant time. */
  verify(purpose: Purpose, text: string, signature: string): boolean {
    const given = Buffer.from(signature, 'base64url');
    return this.#keys.some(({ signing }) => {
      const expected = signing[purpose].digest(text, 'buffer');
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  }

  get #current(): Keys {
    const [current] = this.#keys;
    if (current === undefined) throw new Error('a cluster key needs a secret');
    return current;
  }
}

function sealingKey(secret: string, use: string): KeyObject {
  return createSecretKey(derive(secret, use));
}

function derive(secret: string, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `converge ${use} v1`, 32));
}

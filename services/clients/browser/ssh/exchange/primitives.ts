// Primitives of a key exchange: the browser's own where it has them, and a library's where not.
//
// The browser's are compiled, work beside the page and give a private half to no script. The library takes some 50 ms for its first
// exchange, most of which is compiling, so it is not even started where it is not needed.

/** A private half that stays where it is: used once. */
export interface AgreementPair {
  /** What is sent. */
  readonly share: Uint8Array;
  /** The secret, from what the other end sent, which has the right length. Rejects where that is none. */
  readonly secretFrom: (answer: Uint8Array) => Promise<Uint8Array>;
}

export interface ExchangePrimitives {
  /** RFC 7748. */
  readonly makeX25519: () => Promise<AgreementPair>;
  /** FIPS 203: the answer is a ciphertext. */
  readonly makeMlkem768: () => Promise<AgreementPair>;
  /** RFC 8032. A key of small order is taken: what a host shows is held against its pin, and no such key has that. */
  readonly verifyEd25519: (
    signature: Uint8Array,
    data: Uint8Array,
    publicKey: Uint8Array,
  ) => Promise<boolean>;
}

const X25519_BITS = 256;
/** https://wicg.github.io/webcrypto-modern-algos/, which the types of TypeScript do not know yet. */
const MLKEM768 = 'ML-KEM-768';
interface ModernSubtle {
  generateKey(algorithm: string, isExtractable: boolean, usages: readonly string[]): Promise<WebKeyPair>;
  exportKey(format: 'raw-public', key: WebKey): Promise<ArrayBuffer>;
  decapsulateBits(algorithm: string, key: WebKey, ciphertext: Uint8Array): Promise<ArrayBuffer>;
}

type WebKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
interface WebKeyPair {
  readonly publicKey: WebKey;
  readonly privateKey: WebKey;
}

/** WebCrypto's. Rejects with a NotSupportedError, or a TypeError, what this browser does not have. */
export const WEB_PRIMITIVES: ExchangePrimitives = {
  async makeX25519() {
    const { subtle } = crypto;
    const pair = (await subtle.generateKey('X25519', false, ['deriveBits'])) as WebKeyPair;
    return {
      share: new Uint8Array(await subtle.exportKey('raw', pair.publicKey)),
      async secretFrom(answer) {
        const theirs = await subtle.importKey('raw', Uint8Array.from(answer), 'X25519', false, []);
        const agreement = { name: 'X25519', public: theirs };
        return new Uint8Array(await subtle.deriveBits(agreement, pair.privateKey, X25519_BITS));
      },
    };
  },
  async makeMlkem768() {
    const subtle = crypto.subtle as unknown as ModernSubtle;
    if (!('decapsulateBits' in subtle)) throw new TypeError('no decapsulation');
    const pair = await subtle.generateKey(MLKEM768, false, ['decapsulateBits']);
    return {
      share: new Uint8Array(await subtle.exportKey('raw-public', pair.publicKey)),
      secretFrom: async (answer) =>
        new Uint8Array(await subtle.decapsulateBits(MLKEM768, pair.privateKey, Uint8Array.from(answer))),
    };
  },
  async verifyEd25519(signature, data, publicKey) {
    const { subtle } = crypto;
    const key = await subtle.importKey('raw', Uint8Array.from(publicKey), 'Ed25519', false, ['verify']);
    return await subtle.verify('Ed25519', key, Uint8Array.from(signature), Uint8Array.from(data));
  },
};

/** Each as this browser has it. */
export const PAGE_PRIMITIVES: ExchangePrimitives = {
  makeX25519: () => either(({ makeX25519 }) => makeX25519()),
  makeMlkem768: () => either(({ makeMlkem768 }) => makeMlkem768()),
  verifyEd25519: (signature, data, publicKey) =>
    either(({ verifyEd25519 }) => verifyEd25519(signature, data, publicKey)),
};

async function either<Result>(work: (primitives: ExchangePrimitives) => Promise<Result>): Promise<Result> {
  try {
    return await work(WEB_PRIMITIVES);
  } catch {
    // Not there; or what came is no key: then the library says so too.
    const { LIBRARY_PRIMITIVES } = await import('./library-primitives.ts');
    return await work(LIBRARY_PRIMITIVES);
  }
}

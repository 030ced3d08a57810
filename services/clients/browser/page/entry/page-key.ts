// The page's own key: made in this browser by WebCrypto, kept in IndexedDB, and in neither can anybody read it.
import type { SigningKey } from '../../ssh/sign-in/sign-in-ways.ts';
import { SshWriter } from '../../ssh/wire/ssh-writer.ts';

const DATABASE = 'converge';
const STORE = 'keys';
const OWN = 'own';
const ALGORITHM = 'Ed25519';
const KEY_TYPE = 'ssh-ed25519';

export interface PageKey extends SigningKey {
  /** What goes into `authorized_keys`, or into `converge allow`. */
  readonly line: string;
}

export type PageKeyResult =
  | { readonly kind: 'key'; readonly key: PageKey }
  | { readonly kind: 'none' }
  /** This browser cannot make one, or keeps nothing here. */
  | { readonly kind: 'impossible'; readonly sentence: string };

interface StoredKey {
  readonly pair: CryptoKeyPair;
  readonly publicKey: Uint8Array;
}

/** The one that was made before. Never rejects. */
export async function readPageKey(): Promise<PageKeyResult> {
  try {
    const stored = await inStore<StoredKey | undefined>('readonly', (store) => store.get(OWN));
    return stored === undefined ? { kind: 'none' } : { kind: 'key', key: pageKeyOf(stored) };
  } catch (error) {
    return impossible(error);
  }
}

/** Makes one, and keeps it. Never rejects. */
export async function makePageKey(): Promise<PageKeyResult> {
  try {
    const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
    if (!('privateKey' in pair)) throw new Error('no pair of keys');
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    const stored: StoredKey = { pair, publicKey };
    await inStore('readwrite', (store) => store.put(stored, OWN));
    return { kind: 'key', key: pageKeyOf(stored) };
  } catch (error) {
    return impossible(error);
  }
}

/** Throws it away. Never rejects. */
export async function forgetPageKey(): Promise<void> {
  await inStore('readwrite', (store) => store.delete(OWN)).catch(() => undefined);
}

function pageKeyOf({ pair, publicKey }: StoredKey): PageKey {
  const blob = new SshWriter().string(KEY_TYPE).string(publicKey).bytes();
  return {
    publicKey: blob,
    line: `${KEY_TYPE} ${btoa(String.fromCharCode(...blob))} converge-page`,
    async sign(data) {
      return new Uint8Array(await crypto.subtle.sign(ALGORITHM, pair.privateKey, new Uint8Array(data)));
    },
  };
}

function impossible(error: unknown): PageKeyResult {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'impossible', sentence: `this browser makes and keeps no key here (${reason})` };
}

async function inStore<Result>(
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest,
): Promise<Result> {
  const database = await resultOf<IDBDatabase>(openDatabase());
  try {
    return await resultOf<Result>(act(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function openDatabase(): IDBOpenDBRequest {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener('upgradeneeded', () => {
    request.result.createObjectStore(STORE);
  });
  return request;
}

async function resultOf<Result>(request: IDBRequest): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  request.addEventListener('success', () => resolve(request.result as Result));
  request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB failed')));
  return await promise;
}

// An issuer of OpenID Connect tokens for tests: a server on loopback that says where its keys are, and signs what it is told to.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import type { JsonWebKeys } from '../../../services/relay/identity/identity.ts';

export type TestAlgorithm = 'RS256' | 'ES256' | 'EdDSA';

/** A key pair of an issuer. */
export interface IssuerKey {
  readonly keyId: string;
  readonly algorithm: TestAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Of the public key, as its key set shows it. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

export function makeIssuerKey(keyId: string, algorithm: TestAlgorithm = 'ES256'): IssuerKey {
  const { privateKey, publicKey } = pairFor(algorithm);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: keyId, alg: algorithm, use: 'sig' };
  return { keyId, algorithm, privateKey, publicKey, jwk };
}

function pairFor(algorithm: TestAlgorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (algorithm) {
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'EdDSA':
      return generateKeyPairSync('ed25519');
  }
}

/** What a request is answered with. */
export type IssuerPage = (request: IncomingMessage, response: ServerResponse) => void;

export const DISCOVERY_PATH = '/.well-known/openid-configuration';
export const KEYS_PATH = '/keys';

export class TestIssuer implements AsyncDisposable {
  readonly #server: Server;
  /** By path; a test puts others in their place. */
  readonly pages = new Map<string, IssuerPage>();
  /** The keys of its key set. */
  keys: readonly IssuerKey[];
  cacheControl: string | undefined;
  /** By which it signs, in milliseconds since the Unix epoch. */
  wallTime: () => number = Date.now;
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];

  private constructor(server: Server, keys: readonly IssuerKey[]) {
    this.#server = server;
    this.keys = keys;
    this.pages.set(DISCOVERY_PATH, (_request, response) => {
      answerJson(response, this.document);
    });
    this.pages.set(KEYS_PATH, (_request, response) => {
      if (this.cacheControl !== undefined) response.setHeader('cache-control', this.cacheControl);
      answerJson(response, this.jwks);
    });
  }

  static async start(keys: readonly IssuerKey[] = [makeIssuerKey('first')]): Promise<TestIssuer> {
    const server = createServer();
    const issuer = new TestIssuer(server, keys);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const path = request.url ?? '';
      issuer.asked.push(path);
      const page = issuer.pages.get(path);
      if (page === undefined) response.writeHead(404).end();
      else page(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  /** The claim `iss`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get document(): Readonly<Record<string, unknown>> {
    return { issuer: this.url, jwks_uri: `${this.url}${KEYS_PATH}` };
  }

  get jwks(): JsonWebKeys {
    return { keys: this.keys.map(({ jwk }) => jwk) };
  }

  /** How often its keys were asked for. */
  get fetches(): number {
    return this.asked.filter((path) => path === KEYS_PATH).length;
  }

  /** A token by its first key, or by `key`, issued now for ten minutes; `claims` win. */
  sign(
    claims: Readonly<Record<string, unknown>>,
    key: IssuerKey | undefined = this.keys[0],
  ): Promise<string> {
    if (key === undefined) throw new Error('this issuer has no key');
    return signToken({ iss: this.url, ...claims }, key, this.wallTime());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A token of any claims, issued at `wallTime` for ten minutes where they say nothing else. */
export function signToken(
  claims: Readonly<Record<string, unknown>>,
  { algorithm, keyId, privateKey }: IssuerKey,
  wallTime: number,
): Promise<string> {
  const now = Math.floor(wallTime / 1_000);
  return new SignJWT({ iat: now, nbf: now, exp: now + 600, ...claims })
    .setProtectedHeader({ alg: algorithm, kid: keyId, typ: 'JWT' })
    .sign(privateKey);
}

export function answerJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

/** A compact JWS of any header and payload: what no library would make. `signature`: its third part, as it is. */
export function handMadeToken(header: unknown, payload: unknown, signature: string): string {
  return `${part(header)}.${part(payload)}.${signature}`;
}

/** A value in base64url of its JSON, or a text of its own. */
export function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

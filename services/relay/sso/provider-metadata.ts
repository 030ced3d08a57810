// Provider metadata: what a provider says of itself (OpenID Connect Discovery), kept for a while.
import { allowInsecureRequests, customFetch, discovery, type ServerMetadata } from 'openid-client';
import { isLoopbackHost } from '#shared/protocol/loopback.ts';
import type { Clock } from '#shared/time/clock.ts';
import { PROVIDER_TIMEOUT_MS, ProviderAway, type ProviderWay, providerFetch } from './provider-fetch.ts';

/** How long it counts, in milliseconds: a provider that moves its pages is followed within that time. */
export const METADATA_LIFE_MS = 600_000;

/** After a failure nobody is asked again for this long, in milliseconds, however many people want to sign on. */
export const METADATA_RETRY_MS = 5_000;

type Found =
  | { readonly kind: 'known'; readonly metadata: ServerMetadata }
  | { readonly kind: 'failed'; readonly error: unknown };

/** One issuer at a time: that of the policy. */
export class ProviderMetadata {
  readonly #way: ProviderWay;
  readonly #clock: Clock;
  #issuer: string | undefined;
  /** Of `#issuer`; its time is over at `#until`. */
  #found: Promise<Found> | undefined;
  #until = 0;
  /** What counted last: it goes on to count while the provider cannot be asked. */
  #last: ServerMetadata | undefined;

  constructor(way: ProviderWay) {
    this.#way = way;
    this.#clock = way.clock;
  }

  /** Asks the provider once, however many ask here. Rejects with what openid-client throws, or a ProviderAway. */
  async of(issuer: string): Promise<ServerMetadata> {
    if (this.#issuer !== issuer) {
      this.#issuer = issuer;
      this.#found = undefined;
      this.#last = undefined;
    }
    if (this.#found === undefined || this.#until <= this.#clock.now()) {
      this.#until = this.#clock.now() + METADATA_LIFE_MS;
      this.#found = this.#ask(issuer);
    }
    const found = await this.#found;
    if (found.kind === 'known') return found.metadata;
    throw found.error;
  }

  async #ask(issuer: string): Promise<Found> {
    try {
      const metadata = await discover(issuer, this.#way);
      if (this.#issuer === issuer) this.#last = metadata;
      return { kind: 'known', metadata };
    } catch (error) {
      if (this.#issuer !== issuer) return { kind: 'failed', error };
      this.#until = this.#clock.now() + METADATA_RETRY_MS;
      return this.#last === undefined ? { kind: 'failed', error } : { kind: 'known', metadata: this.#last };
    }
  }
}

/** True if `issuer` is on this machine and speaks http: then its other addresses may do so too. */
export function isHttpIssuer(issuer: string): boolean {
  const url = URL.parse(issuer);
  return url?.protocol === 'http:' && isLoopbackHost(url.hostname);
}

/**
 * True if the provider calls itself what the policy calls it. openid-client lets Entra's `common` and `organizations` pass, which
 * call themselves `{tenantid}`: every company of the world could sign on there.
 */
export function isNamedAs(issuer: string, metadata: Pick<ServerMetadata, 'issuer'>): boolean {
  return URL.parse(metadata.issuer)?.href === URL.parse(issuer)?.href;
}

async function discover(issuer: string, way: ProviderWay): Promise<ServerMetadata> {
  const url = URL.parse(issuer);
  if (url === null) throw new ProviderAway(`${issuer} is no URL`);
  const allowsHttp = isHttpIssuer(issuer);
  const configuration = await discovery(url, 'any', undefined, undefined, {
    [customFetch]: providerFetch(way, allowsHttp),
    // Ours comes first; this one goes by the machine's clock.
    timeout: (2 * PROVIDER_TIMEOUT_MS) / 1_000,
    ...(allowsHttp ? { execute: [allowInsecureRequests] } : {}),
  });
  const metadata = configuration.serverMetadata();
  if (!isNamedAs(issuer, metadata))
    throw new ProviderAway(`${issuer} calls itself ${metadata.issuer}: the policy must name it so`);
  return metadata;
}

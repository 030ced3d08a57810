// The provider that people sign on with: every question that the relay asks it, and its answers, verified by openid-client.
import { readFile } from 'node:fs/promises';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  clockSkew,
  clockTolerance,
  customFetch,
  type ExportedJWKSCache,
  enableNonRepudiationChecks,
  fetchUserInfo,
  genericGrantRequest,
  getJwksCache,
  initiateDeviceAuthorization,
  None,
  refreshTokenGrant,
  type ServerMetadata,
  setJwksCache,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { isLoopbackHost } from '#shared/protocol/loopback.ts';
import { faultText } from '#shared/text/fault-text.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { SsoSettings } from '../policy/sso-settings.ts';
import type { Confirmation, SignOnPending, SignOnRefusal } from './needs.ts';
import { PROVIDER_TIMEOUT_MS, ProviderAway, type ProviderWay, providerFetch } from './provider-fetch.ts';
import { isHttpIssuer, ProviderMetadata } from './provider-metadata.ts';
import {
  PROVIDER_CLOCK_TOLERANCE_SECONDS,
  providerRefusalFrom,
  refused,
  unavailable,
} from './provider-refusal.ts';

/** RFC 8628 section 3.4. */
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** What RFC 8628 section 3.2 takes where the provider names no interval, in seconds. */
const USUAL_INTERVAL_SECONDS = 5;

/** The longest secret of the provider's that is passed on sealed, in characters: a device code, a refresh token. */
export const MAX_PROVIDER_SECRET_CHARACTERS = 8_192;

/** A sign-on by device code has begun. */
export interface DeviceStart {
  readonly kind: 'begun';
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | undefined;
  readonly intervalSeconds: number;
  readonly expiresSeconds: number;
}

/** What a browser must bring back. */
export interface TripSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

export class Provider {
  readonly #way: ProviderWay;
  readonly #clock: Clock;
  readonly #metadata: ProviderMetadata;
  /** The provider's keys, as openid-client keeps them, and whose they are. */
  #keys: { readonly issuer: string; readonly cache: ExportedJWKSCache } | undefined;

  /** Asks nobody. */
  constructor(way: ProviderWay) {
    this.#way = way;
    this.#clock = way.clock;
    this.#metadata = new ProviderMetadata(way);
  }

  /** Where the browser goes to sign on; `redirectUri` must be registered at the provider. */
  async authorizationUrl(
    settings: SsoSettings,
    redirectUri: string,
    { state, nonce, verifier }: TripSecrets,
  ): Promise<{ readonly kind: 'begun'; readonly url: URL } | SignOnRefusal> {
    return await this.#ask(settings, async (configuration) => {
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: scopeOf(settings),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      if (!isSafePage(url.href, settings))
        throw new ProviderAway(`its page is ${url.href}, which is not https`);
      return { kind: 'begun', url };
    });
  }

  /** Takes the code that a browser has brought back in `url`. */
  async takeCode(
    settings: SsoSettings,
    url: URL,
    { state, nonce, verifier }: TripSecrets,
    wanted: readonly string[],
  ): Promise<Confirmation | SignOnRefusal> {
    return await this.#ask(settings, async (configuration) => {
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
      const tokens = await authorizationCodeGrant(configuration, url, { ...checks, idTokenExpected: true });
      return await this.#confirm(configuration, tokens, wanted);
    });
  }

  async startDevice(settings: SsoSettings): Promise<DeviceStart | SignOnRefusal> {
    return await this.#ask(settings, async (configuration) => {
      if (configuration.serverMetadata().device_authorization_endpoint === undefined)
        return refused(
          'the provider has no sign-on by code: sign on in a browser, at /sign-on of this relay',
        );
      const started = await initiateDeviceAuthorization(configuration, { scope: scopeOf(settings) });
      const { device_code: deviceCode, user_code: userCode, verification_uri: verificationUri } = started;
      if (!isSafePage(verificationUri, settings))
        throw new ProviderAway(`its page for codes is ${verificationUri}, which is not https`);
      if (deviceCode.length > MAX_PROVIDER_SECRET_CHARACTERS)
        throw new ProviderAway('its device code is too long');
      const complete = started.verification_uri_complete;
      return {
        kind: 'begun',
        deviceCode,
        userCode,
        verificationUri,
        verificationUriComplete:
          complete !== undefined && isSafePage(complete, settings) ? complete : undefined,
        intervalSeconds: Math.max(1, Math.ceil(started.interval ?? USUAL_INTERVAL_SECONDS)),
        expiresSeconds: Math.floor(started.expires_in),
      };
    });
  }

  /** Asks once whether the person has signed on. */
  async askDevice(
    settings: SsoSettings,
    deviceCode: string,
    wanted: readonly string[],
  ): Promise<Confirmation | SignOnPending | SignOnRefusal> {
    return await this.#askAndWait(settings, async (configuration) => {
      const tokens = await genericGrantRequest(configuration, DEVICE_GRANT, { device_code: deviceCode });
      return await this.#confirm(configuration, tokens, wanted);
    });
  }

  async refresh(
    settings: SsoSettings,
    refreshToken: string,
    wanted: readonly string[],
  ): Promise<Confirmation | SignOnRefusal> {
    return await this.#ask(settings, async (configuration) => {
      const tokens = await refreshTokenGrant(configuration, refreshToken);
      const confirmed = await this.#confirm(configuration, tokens, wanted);
      if (confirmed.kind === 'refused') return confirmed;
      // Many providers give no new one while the old one counts.
      return { ...confirmed, refreshToken: confirmed.refreshToken ?? refreshToken };
    });
  }

  /** The ID token's claims, which openid-client has verified, and those that only the page about the person has. */
  async #confirm(
    configuration: Configuration,
    tokens: Tokens,
    wanted: readonly string[],
  ): Promise<Confirmation | SignOnRefusal> {
    const claims = tokens.claims();
    if (claims === undefined)
      return refused('the provider has sent no ID token: ask whoever runs this relay for the scope openid');
    const aheadMs = claims.iat * 1_000 - this.#clock.wallTime();
    if (aheadMs > PROVIDER_CLOCK_TOLERANCE_SECONDS * 1_000)
      return refused(
        "the provider's token is outside its time, by the clock of this relay: ask whoever runs it",
      );
    const { access_token: accessToken, refresh_token: refreshToken } = tokens;
    const isNameless = claims['email'] === undefined && claims['preferred_username'] === undefined;
    const isLacking = isNameless || wanted.some((name) => !Object.hasOwn(claims, name));
    const hasPage = configuration.serverMetadata().userinfo_endpoint !== undefined;
    const more = isLacking && hasPage ? await fetchUserInfo(configuration, accessToken, claims.sub) : {};
    const isTooLong = (refreshToken?.length ?? 0) > MAX_PROVIDER_SECRET_CHARACTERS;
    return {
      kind: 'confirmed',
      claims: { ...more, ...claims },
      // By the provider's own clock: those of two machines are never the same.
      lifetimeMs: Math.max(0, claims.exp - claims.iat) * 1_000,
      refreshToken: isTooLong ? undefined : refreshToken,
    };
  }

  async #ask<Answer>(
    settings: SsoSettings,
    question: (configuration: Configuration) => Promise<Answer>,
  ): Promise<Answer | SignOnRefusal> {
    const answer = await this.#askAndWait(settings, question);
    // Only whoever asks with a device code is told to wait.
    return isPending(answer) ? unavailable('the provider has told the relay to wait') : answer;
  }

  async #askAndWait<Answer>(
    settings: SsoSettings,
    question: (configuration: Configuration) => Promise<Answer>,
  ): Promise<Answer | SignOnPending | SignOnRefusal> {
    try {
      const configuration = await this.#configure(settings);
      const answer = await question(configuration);
      const cache = getJwksCache(configuration);
      if (cache !== undefined) this.#keys = { issuer: settings.issuer, cache };
      return answer;
    } catch (error) {
      return providerRefusalFrom(error);
    }
  }

  /** One for each question, since the clock and the secret may have changed since the last. */
  async #configure(settings: SsoSettings): Promise<Configuration> {
    const { clientId, issuer } = settings;
    const metadata = await this.#metadata.of(issuer);
    const allowsHttp = isHttpIssuer(issuer);
    const skewSeconds = Math.round((this.#clock.wallTime() - Date.now()) / 1_000);
    const client = { [clockSkew]: skewSeconds, [clockTolerance]: PROVIDER_CLOCK_TOLERANCE_SECONDS };
    const configuration = new Configuration(
      metadata,
      clientId,
      client,
      await authenticate(settings, metadata),
    );
    configuration[customFetch] = providerFetch(this.#way, allowsHttp);
    configuration.timeout = (2 * PROVIDER_TIMEOUT_MS) / 1_000;
    if (allowsHttp) allowInsecureRequests(configuration);
    // Without this the signature is left to TLS, as OpenID Connect Core section 3.1.3.7 allows.
    enableNonRepudiationChecks(configuration);
    if (this.#keys?.issuer === issuer) setJwksCache(configuration, this.#keys.cache);
    return configuration;
  }
}

/** With the secret in its file, in the way that the provider takes; the first is the usual one (Discovery section 3). */
async function authenticate(
  { clientSecretFile }: SsoSettings,
  metadata: ServerMetadata,
): Promise<ClientAuth> {
  if (clientSecretFile === undefined) return None();
  const secret = await readFile(clientSecretFile, 'utf8').catch((error: unknown) => {
    throw new ProviderAway(`the secret of this relay cannot be read: ${faultText(error)}`);
  });
  if (secret.trim() === '') throw new ProviderAway(`${clientSecretFile} has no secret in it`);
  const { token_endpoint_auth_methods_supported: methods = ['client_secret_basic'] } = metadata;
  const isBasic = methods.includes('client_secret_basic') || !methods.includes('client_secret_post');
  return isBasic ? ClientSecretBasic(secret.trim()) : ClientSecretPost(secret.trim());
}

function scopeOf({ scopes }: SsoSettings): string {
  return scopes.join(' ');
}

/** A page that people may be sent to. */
function isSafePage(text: string, { issuer }: SsoSettings): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && isHttpIssuer(issuer) && isLoopbackHost(url.hostname))
  );
}

function isPending(answer: unknown): answer is SignOnPending {
  return typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'pending';
}

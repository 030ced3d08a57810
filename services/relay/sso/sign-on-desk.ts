// The sign-on desk: what a person does until the relay has confirmed them, by device code, in a browser, or once more later.
//
// It keeps nothing: what it must know again is sealed and goes with the person, so any pod of the cluster can go on.
import { randomBytes } from 'node:crypto';
import type { DeviceSignOn, SignedOn, SignOnProgress } from '#shared/protocol/sign-on.ts';
import type { Clock } from '#shared/time/clock.ts';
import { formatDuration } from '#shared/time/duration.ts';
import type { Policy } from '../policy/policy.ts';
import type { SsoSettings } from '../policy/sso-settings.ts';
import { personSubject } from '../policy/subject.ts';
import { claimNames, claimsThatCount } from './claims-that-count.ts';
import type { Confirmation, SignOnRefusal } from './needs.ts';
import type { Provider } from './provider.ts';
import { expired, refused } from './provider-refusal.ts';
import { openRecord, type SealedFor, type SignOnSeal, sealRecord } from './sealed-record.ts';
import { makeSignOnToken, readSignOnToken } from './sign-on-token.ts';

/** How long a token counts at most, in milliseconds: so soon is noticed that the provider has ended a sign-on. */
export const SIGN_ON_TOKEN_LIFE_MS = 3_600_000;

/** How long a browser may be at the provider, in milliseconds: for somebody to find a second factor. */
export const TRIP_LIFE_MS = 600_000;

const SECRET_BYTES = 32;

/** A policy with single sign-on. */
export interface SignOnPolicy {
  readonly policy: Policy;
  readonly settings: SsoSettings;
}

/** Somebody has signed on. `name` is for a log and a page. */
export interface Confirmed {
  readonly kind: 'confirmed';
  readonly name: string;
  readonly signedOn: SignedOn;
}

/** What a browser takes to the provider, and what it keeps until it comes back. */
export interface Trip {
  readonly kind: 'begun';
  readonly location: string;
  readonly cookie: string;
}

export interface SignOnDeskOptions {
  readonly provider: Provider;
  readonly seal: SignOnSeal;
  readonly clock: Clock;
}

export class SignOnDesk {
  readonly #provider: Provider;
  readonly #seal: SignOnSeal;
  readonly #clock: Clock;

  /** Asks nobody. */
  constructor({ provider, seal, clock }: SignOnDeskOptions) {
    this.#provider = provider;
    this.#seal = seal;
    this.#clock = clock;
  }

  /** Whether this cluster has sealed `text` for `purpose`: about anything else no provider is asked. */
  isOwn(purpose: SealedFor, text: string): boolean {
    return openRecord(this.#seal, purpose, text) !== undefined;
  }

  /** Begins a sign-on by device code (RFC 8628). */
  async beginDevice({
    settings,
  }: SignOnPolicy): Promise<{ readonly kind: 'begun'; readonly signOn: DeviceSignOn } | SignOnRefusal> {
    const started = await this.#provider.startDevice(settings);
    if (started.kind === 'refused') return started;
    const {
      deviceCode,
      userCode,
      verificationUri,
      verificationUriComplete,
      intervalSeconds,
      expiresSeconds,
    } = started;
    const expiresAt = this.#clock.wallTime() + expiresSeconds * 1_000;
    const handle = sealRecord(this.#seal, 'sign-on-handle', {
      ...registrationOf(settings),
      deviceCode,
      expiresAt,
    });
    const complete = verificationUriComplete === undefined ? {} : { verificationUriComplete };
    const signOn = { verificationUri, ...complete, userCode, handle, intervalSeconds, expiresSeconds };
    return { kind: 'begun', signOn };
  }

  /** Whether the person has signed on by now; asks the provider for a handle of this cluster only. */
  async askDevice(
    { policy, settings }: SignOnPolicy,
    handle: string,
  ): Promise<Confirmed | Extract<SignOnProgress, { kind: 'pending' }> | SignOnRefusal> {
    const record = openRecord(this.#seal, 'sign-on-handle', handle) ?? {};
    const { deviceCode, expiresAt } = record;
    if (typeof deviceCode !== 'string' || typeof expiresAt !== 'number' || !isFor(settings, record))
      return refused('this handle is not one of this relay: begin the sign-on again');
    if (expiresAt <= this.#clock.wallTime()) return expired('nobody has signed on in time: sign on again');
    const answer = await this.#provider.askDevice(settings, deviceCode, claimNames(policy));
    if (answer.kind !== 'confirmed') return answer;
    return this.#confirm({ policy, settings }, answer, this.#clock.wallTime());
  }

  /** Another token for somebody whose sign-on goes on; how long it may is the policy's to say. */
  async refresh({ policy, settings }: SignOnPolicy, refresh: string): Promise<Confirmed | SignOnRefusal> {
    const record = openRecord(this.#seal, 'sign-on-refresh', refresh) ?? {};
    const { refreshToken, sub, startedAt } = record;
    if (typeof refreshToken !== 'string' || typeof startedAt !== 'number' || !isFor(settings, record))
      return refused('this sign-on is not one of this relay: sign on again');
    if (this.#leftMs(settings, startedAt) <= 0) return expired(overText(settings));
    const answer = await this.#provider.refresh(settings, refreshToken, claimNames(policy));
    if (answer.kind !== 'confirmed') return answer;
    // OpenID Connect Core section 12.2.
    if (answer.claims['sub'] !== sub)
      return refused('the provider has confirmed somebody else: sign on again');
    return this.#confirm({ policy, settings }, answer, startedAt);
  }

  /** Sends a browser to the provider. `returnTo`: a path of this relay, or undefined. */
  async beginTrip(
    { settings }: SignOnPolicy,
    redirectUri: string,
    returnTo: string | undefined,
  ): Promise<Trip | SignOnRefusal> {
    const [state, nonce, verifier] = [randomSecret(), randomSecret(), randomSecret()];
    const secrets = { state, nonce, verifier };
    const begun = await this.#provider.authorizationUrl(settings, redirectUri, secrets);
    if (begun.kind === 'refused') return begun;
    const expiresAt = this.#clock.wallTime() + TRIP_LIFE_MS;
    const record = {
      ...registrationOf(settings),
      ...secrets,
      expiresAt,
      ...(returnTo === undefined ? {} : { returnTo }),
    };
    return {
      kind: 'begun',
      location: begun.url.href,
      cookie: sealRecord(this.#seal, 'sign-on-trip', record),
    };
  }

  /** Takes a browser back; `url` is `redirectUri` with what the provider has added to it. */
  async endTrip(
    { policy, settings }: SignOnPolicy,
    url: URL,
    cookie: string | undefined,
  ): Promise<(Confirmed & { readonly returnTo: string | undefined }) | SignOnRefusal> {
    const record = openRecord(this.#seal, 'sign-on-trip', cookie ?? '') ?? {};
    const { state, nonce, verifier, expiresAt, returnTo } = record;
    if (typeof state !== 'string' || typeof nonce !== 'string' || typeof verifier !== 'string')
      return refused('this browser has not begun a sign-on at this address, or has ended it: begin again');
    if (!isFor(settings, record)) return refused('the sign-on was begun at another provider: begin again');
    if (typeof expiresAt !== 'number' || expiresAt <= this.#clock.wallTime())
      return expired(
        `a sign-on may take ${formatDuration(TRIP_LIFE_MS)}, and that time is over: begin again`,
      );
    const secrets = { state, nonce, verifier };
    const answer = await this.#provider.takeCode(settings, url, secrets, claimNames(policy));
    if (answer.kind === 'refused') return answer;
    const confirmed = this.#confirm({ policy, settings }, answer, this.#clock.wallTime());
    return { ...confirmed, returnTo: typeof returnTo === 'string' ? returnTo : undefined };
  }

  /** Whose token this is, if it counts now. */
  signOnOf(
    { settings }: SignOnPolicy,
    token: string,
  ): { readonly name: string; readonly expiresAt: number } | undefined {
    const signOn = readSignOnToken(this.#seal, token);
    if (signOn === undefined || signOn.issuer !== settings.issuer) return undefined;
    const { claims, expiresAt } = signOn;
    return expiresAt <= this.#clock.wallTime() ? undefined : { name: personSubject(claims), expiresAt };
  }

  #confirm(
    { policy, settings }: SignOnPolicy,
    { claims, lifetimeMs, refreshToken }: Confirmation,
    startedAt: number,
  ): Confirmed {
    const counted = claimsThatCount(claims, policy);
    const leftMs = Math.min(lifetimeMs, SIGN_ON_TOKEN_LIFE_MS, this.#leftMs(settings, startedAt));
    const expiresAt = this.#clock.wallTime() + leftMs;
    const token = makeSignOnToken(this.#seal, { issuer: settings.issuer, claims: counted, expiresAt });
    const kept = { ...registrationOf(settings), refreshToken, sub: claims['sub'], startedAt };
    const refresh = refreshToken === undefined ? '' : sealRecord(this.#seal, 'sign-on-refresh', kept);
    return { kind: 'confirmed', name: personSubject(counted), signedOn: { token, refresh, expiresAt } };
  }

  #leftMs({ sessionMs }: SsoSettings, startedAt: number): number {
    return startedAt + sessionMs - this.#clock.wallTime();
  }
}

/** What is sealed counts for the provider, and the registration there, that it was made with. */
function registrationOf({ issuer, clientId }: SsoSettings): { issuer: string; clientId: string } {
  return { issuer, clientId };
}

function isFor(settings: SsoSettings, { issuer, clientId }: Readonly<Record<string, unknown>>): boolean {
  return issuer === settings.issuer && clientId === settings.clientId;
}

function overText({ sessionMs }: SsoSettings): string {
  return `a sign-on counts for ${formatDuration(sessionMs)} at this relay, and that time is over: sign on again`;
}

function randomSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

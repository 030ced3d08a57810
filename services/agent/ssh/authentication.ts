// Authentication of one connection: which attempts count, how long a failure takes, and when there were too many. RFC 4252.
import type { AuthContext, AuthenticationType, PasswordAuthContext, PublicKeyAuthContext } from 'ssh2';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { KeyVerdict } from '../access/access-list.ts';
import { type Credentials, isSameSecret } from '../access/credentials.ts';
import { failureDelay, type PasswordGuard } from '../access/password-guard.ts';
import { isSignedBy, type KeyLogin, keyLoginOf, rightsFrom } from './key-login.ts';
import { ALL_RIGHTS, type Rights } from './rights.ts';
import type { RefusedEvent } from './ssh-options.ts';
import { acceptOffer } from './ssh2/signature-algorithms.ts';

/** After this many wrong passwords and signatures a connection is cut. */
export const MAX_FAILURES_PER_CONNECTION = 6;
/** How many keys a connection may ask about: a client that tries all keys of its ssh-agent does not guess. */
export const MAX_KEY_OFFERS_PER_CONNECTION = 32;

/** Of certificates that do not count so many get a line each: somebody may have one for every host. */
export const MAX_CERTIFICATES_TOLD = 3;

/** Why a password is refused unread, for the log. */
const PASSWORD_OFF = 'password login is off';

type Refusal = Pick<RefusedEvent, 'user' | 'method' | 'detail' | 'attempt'>;

export interface AuthenticationOptions {
  readonly credentials: Credentials;
  /** Of all connections. */
  readonly guard: PasswordGuard;
  /** Of the client. */
  readonly address: string;
  readonly clock: Clock;
  /** Called before the client gets the answer. */
  onLogin(login: KeyLogin, rights: Rights): void;
  onRefused(refusal: Refusal): void;
  /** No further attempt is allowed: the connection must be cut. */
  onExhausted(): void;
}

/** Decides the attempts of one connection, which ssh2 hands over one at a time. */
export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #offered = new Map<string, string>();
  /** Of those that were offered, certificates that do not count and revoked keys: why. */
  readonly #reasons = new Map<string, string>();
  #isStopped = false;
  #failures = 0;
  #cancelAnswer: Cancel | undefined;
  #user = '';

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** Only what can work is offered, so that `ssh` does not ask for a password in vain. */
  get #methods(): AuthenticationType[] {
    const { credentials, guard } = this.#options;
    if (credentials.kind === 'keys') return ['publickey'];
    return guard.state.kind === 'on' ? ['password'] : [];
  }

  /** Answers an attempt, at once or, for a failure, later. */
  decide(attempt: AuthContext): void {
    this.#user = attempt.username;
    switch (attempt.method) {
      case 'none': // how a client asks for the methods (RFC 4252 section 5.2)
      case 'hostbased':
      case 'keyboard-interactive':
        attempt.reject(this.#methods);
        return;
      case 'password':
        this.#decidePassword(attempt);
        return;
      case 'publickey':
        this.#decideKey(attempt);
    }
  }

  /** Reports the keys that were offered in vain: why a login that ends here was refused. Stops pending answers. */
  stop(loggedIn: boolean): void {
    this.#isStopped = true;
    this.#cancelAnswer?.();
    if (loggedIn || this.#offered.size === 0) return;
    const common = { user: this.#user, method: 'publickey', attempt: this.#failures };
    const reasons = [...this.#reasons.values()].slice(0, MAX_CERTIFICATES_TOLD);
    for (const detail of reasons) this.#options.onRefused({ ...common, detail });
    const others = [...this.#offered].filter(([fingerprint]) => !this.#reasons.has(fingerprint));
    if (others.length === 0) return;
    const keys = others.map(([, key]) => key).join(', ');
    const problem = this.#userProblem() ?? `none of the offered keys is authorized${this.#waitText()}`;
    this.#options.onRefused({ ...common, detail: `${problem}: ${keys}` });
  }

  #decidePassword(attempt: PasswordAuthContext): void {
    const { credentials, guard, address, clock } = this.#options;
    if (credentials.kind === 'keys') {
      this.#fail(attempt, 'a password, but only keys are accepted');
      return;
    }
    const turn = guard.turnOf(address);
    switch (turn.kind) {
      case 'off':
        this.#fail(attempt, PASSWORD_OFF);
        return;
      case 'crowded':
        this.#fail(attempt, 'too many passwords were tried from its address');
        return;
      case 'wait':
        if (turn.ms === 0) this.#compare(attempt, credentials);
        else this.#cancelAnswer = clock.after(turn.ms, () => this.#compare(attempt, credentials));
    }
  }

  #compare(attempt: PasswordAuthContext, credentials: Credentials & { kind: 'password' }): void {
    const { guard, address } = this.#options;
    // It was turned off while this one waited for its turn.
    if (guard.state.kind === 'off') return this.#fail(attempt, PASSWORD_OFF);
    // In a request to change the password it is an object.
    const password: unknown = attempt.password;
    const text = typeof password === 'string' ? password : '';
    // All are always compared, so that the time does not reveal whether the user name was right, or a link is open.
    const isPassword = isSameSecret(text, credentials.password);
    const isLink = credentials.link?.matches(text) === true;
    const isUser = isSameSecret(attempt.username, credentials.user);
    if ((isPassword || isLink) && isUser) {
      if (isLink) credentials.link?.spend();
      guard.succeeded(address);
      this.#accept(attempt, { user: attempt.username, method: 'password' }, ALL_RIGHTS);
    } else {
      this.#fail(attempt, this.#userProblem() ?? 'wrong password', guard.failed(address));
    }
  }

  #decideKey(attempt: PublicKeyAuthContext): void {
    const { credentials, address } = this.#options;
    if (credentials.kind === 'password' || !isSameSecret(attempt.username, credentials.user)) {
      this.#refuseOffer(attempt);
      return;
    }
    const { access } = credentials;
    const verdict = access.judge(attempt.key.data, address);
    const looking = verdict.kind === 'unknown' ? access.lookAgain() : undefined;
    if (looking === undefined) {
      this.#answer(attempt, verdict);
      return;
    }
    void looking.then(() => {
      if (!this.#isStopped) this.#answer(attempt, access.judge(attempt.key.data, address));
    });
  }

  #answer(attempt: PublicKeyAuthContext, verdict: KeyVerdict): void {
    if (verdict.kind === 'unknown') return this.#refuseOffer(attempt);
    if (verdict.kind === 'refused') return this.#refuseOffer(attempt, verdict.detail);
    if (attempt.signature === undefined) return acceptOffer(attempt);
    if (isSignedBy(verdict, attempt)) {
      this.#accept(attempt, keyLoginOf(verdict, attempt.username), rightsFrom(verdict));
      return;
    }
    const { algo } = attempt.key;
    const sha1 =
      algo === 'ssh-rsa' && attempt.hashAlgo === undefined ? ' (ssh-rsa with SHA-1 is not accepted)' : '';
    const { fingerprint } = keyLoginOf(verdict, attempt.username).key ?? {};
    this.#fail(attempt, `bad signature by ${fingerprint}${sha1}`);
  }

  /** `reason`: why, if it is not only that nobody named it. */
  #refuseOffer(attempt: PublicKeyAuthContext, reason?: string): void {
    const { algo, data: blob } = attempt.key;
    const fingerprint = keyFingerprint(blob);
    if (!this.#offered.has(fingerprint) && this.#offered.size >= MAX_KEY_OFFERS_PER_CONNECTION) {
      this.#options.onExhausted();
      return;
    }
    this.#offered.set(fingerprint, `${algo} ${fingerprint}`);
    if (reason !== undefined) this.#reasons.set(fingerprint, reason);
    attempt.reject(this.#methods);
  }

  #accept(attempt: AuthContext, login: KeyLogin, rights: Rights): void {
    this.#options.onLogin(login, rights);
    attempt.accept();
  }

  /** `delayMs`: how long the answer is held back at least. */
  #fail(attempt: AuthContext, detail: string, delayMs = 0): void {
    this.#failures++;
    const failure = this.#failures;
    this.#options.onRefused({ user: attempt.username, method: attempt.method, detail, attempt: failure });
    this.#cancelAnswer = this.#options.clock.after(Math.max(delayMs, failureDelay(failure)), () => {
      if (failure < MAX_FAILURES_PER_CONNECTION) attempt.reject(this.#methods);
      else this.#options.onExhausted();
    });
  }

  /** Whoever has just added a key to an account reads when to come again. */
  #waitText(): string {
    const { credentials } = this.#options;
    const waitMs = credentials.kind === 'keys' ? credentials.access.waitMs : 0;
    return waitMs === 0 ? '' : ` (accounts are asked again in ${Math.ceil(waitMs / 1_000)} s)`;
  }

  #userProblem(): string | undefined {
    const { user } = this.#options.credentials;
    if (this.#user === user) return undefined;
    return `user ${JSON.stringify(this.#user.slice(0, 64))} is not ${JSON.stringify(user)}`;
  }
}

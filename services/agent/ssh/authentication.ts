// Authentication of one connection: which attempts count, how long a failure takes, and when there were too many. RFC 4252.
import type { AuthContext, AuthenticationType, PasswordAuthContext, PublicKeyAuthContext } from 'ssh2';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { readPublicKey } from '#shared/ssh/public-key.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { type Credentials, findKey, isSameSecret } from '../access/credentials.ts';
import { failureDelay, type PasswordGuard } from '../access/password-guard.ts';
import { verifyLogin } from './keys/login-signature.ts';
import type { LoginEvent, RefusedEvent } from './ssh-options.ts';
import { acceptOffer } from './ssh2/signature-algorithms.ts';

/** After this many wrong passwords and signatures a connection is cut. */
export const MAX_FAILURES_PER_CONNECTION = 6;
/** How many keys a connection may ask about: a client that tries all keys of its ssh-agent does not guess. */
export const MAX_KEY_OFFERS_PER_CONNECTION = 32;

/** Why a password is refused unread, for the log. */
const PASSWORD_OFF = 'password login is off';

type Login = Pick<LoginEvent, 'user' | 'method' | 'key'>;
type Refusal = Pick<RefusedEvent, 'user' | 'method' | 'detail' | 'attempt'>;

export interface AuthenticationOptions {
  readonly credentials: Credentials;
  /** Of all connections. */
  readonly guard: PasswordGuard;
  /** Of the client. */
  readonly address: string;
  readonly clock: Clock;
  /** Called before the client gets the answer. */
  onLogin(login: Login): void;
  onRefused(refusal: Refusal): void;
  /** No further attempt is allowed: the connection must be cut. */
  onExhausted(): void;
}

/** Decides the attempts of one connection, which ssh2 hands over one at a time. */
export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #offered = new Map<string, string>();
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
    this.#cancelAnswer?.();
    if (loggedIn || this.#offered.size === 0) return;
    const keys = [...this.#offered.values()].join(', ');
    this.#options.onRefused({
      user: this.#user,
      method: 'publickey',
      detail: `${this.#userProblem() ?? 'none of the offered keys is authorized'}: ${keys}`,
      attempt: this.#failures,
    });
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
    // Both are always compared, so that the time does not reveal whether the user name was right.
    const isPassword = isSameSecret(typeof password === 'string' ? password : '', credentials.password);
    const isUser = isSameSecret(attempt.username, credentials.user);
    if (isPassword && isUser) {
      guard.succeeded(address);
      this.#accept(attempt, { user: attempt.username, method: 'password' });
    } else {
      this.#fail(attempt, this.#userProblem() ?? 'wrong password', guard.failed(address));
    }
  }

  #decideKey(attempt: PublicKeyAuthContext): void {
    const { credentials } = this.#options;
    const { data: blob, algo } = attempt.key;
    const isUser = isSameSecret(attempt.username, credentials.user);
    const key = credentials.kind === 'keys' && isUser ? findKey(credentials.keys, blob) : undefined;
    const { signature, blob: signed, hashAlgo } = attempt;
    if (key === undefined || signature === undefined || signed === undefined) {
      if (key !== undefined && signature === undefined) acceptOffer(attempt);
      else this.#refuseOffer(attempt, blob, algo);
      return;
    }
    const publicKey = readPublicKey(blob);
    if (
      publicKey !== undefined &&
      verifyLogin(publicKey, { blob: signed, signature, hashAlgorithm: hashAlgo })
    ) {
      const { fingerprint, comment } = key;
      this.#accept(attempt, { user: attempt.username, method: 'key', key: { fingerprint, comment } });
      return;
    }
    const sha1 = algo === 'ssh-rsa' && hashAlgo === undefined ? ' (ssh-rsa with SHA-1 is not accepted)' : '';
    this.#fail(attempt, `bad signature by ${key.fingerprint}${sha1}`);
  }

  #refuseOffer(attempt: PublicKeyAuthContext, blob: Buffer, type: string): void {
    const fingerprint = keyFingerprint(blob);
    if (!this.#offered.has(fingerprint) && this.#offered.size >= MAX_KEY_OFFERS_PER_CONNECTION) {
      this.#options.onExhausted();
      return;
    }
    this.#offered.set(fingerprint, `${type} ${fingerprint}`);
    attempt.reject(this.#methods);
  }

  #accept(attempt: AuthContext, login: Login): void {
    this.#options.onLogin(login);
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

  #userProblem(): string | undefined {
    const { user } = this.#options.credentials;
    if (this.#user === user) return undefined;
    return `user ${JSON.stringify(this.#user.slice(0, 64))} is not ${JSON.stringify(user)}`;
  }
}

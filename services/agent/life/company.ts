// The company: tells those who are in who joins them and who leaves, and not of every connection that a person makes.
import { clientSourceOf } from '#shared/protocol/address.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { Summary } from '#shared/time/summary.ts';
import { busyLine, type Companion, joinedLine, leftLine } from '../notices/company-lines.ts';
import type { LoginEvent, LogoutEvent } from '../ssh/ssh-options.ts';
import { credentialFrom } from './credential.ts';

/** Somebody who is back within this time, in milliseconds, has not left: scripts copy file after file, pages are loaded again. */
export const LEFT_AFTER_MS = 10_000;

/** So many lines in SUMMARY_EVERY_MS, and the rest as a number: nobody can fill the terminals of the others. */
export const MAX_COMPANY_LINES = 4;

export interface CompanyOptions {
  readonly clock: Clock;
  /** Takes a line, for every open shell. */
  readonly say: (line: string) => void;
}

/** One person, with all of their connections. */
type Presence =
  | { readonly kind: 'here'; readonly connections: number }
  /** The last connection is gone, and nobody has been told. */
  | { readonly kind: 'leaving'; readonly cancel: Cancel };

/**
 * A person is a user name, a source of addresses and a key, certificate or the password. Their second connection is no news, and
 * neither is the end of one while another is there.
 */
export class Company {
  readonly #options: CompanyOptions;
  readonly #summary: Summary;
  readonly #presences = new Map<string, Presence>();

  constructor(options: CompanyOptions) {
    const { clock, say } = options;
    this.#options = options;
    this.#summary = new Summary({
      clock,
      firstOfKind: MAX_COMPANY_LINES,
      onRests: (rests) => say(busyLine(rests.reduce((sum, { count }) => sum + count, 0))),
    });
  }

  joined(login: LoginEvent): void {
    const person = personOf(login);
    const presence = this.#presences.get(person);
    if (presence?.kind === 'leaving') presence.cancel();
    const before = presence?.kind === 'here' ? presence.connections : 0;
    this.#presences.set(person, { kind: 'here', connections: before + 1 });
    if (presence === undefined) this.#say(joinedLine(companionFrom(login)), login.address);
  }

  left(logout: LogoutEvent): void {
    const person = personOf(logout);
    const presence = this.#presences.get(person);
    if (presence?.kind !== 'here') return;
    if (presence.connections > 1) {
      this.#presences.set(person, { kind: 'here', connections: presence.connections - 1 });
      return;
    }
    const cancel = this.#options.clock.after(LEFT_AFTER_MS, () => {
      this.#presences.delete(person);
      const how = logout.reason === 'lost' || logout.reason === 'fault' ? logout.reason : 'left';
      this.#say(leftLine(companionFrom(logout), how), logout.address);
    });
    this.#presences.set(person, { kind: 'leaving', cancel });
  }

  /** Says what was counted, and nothing more from then on. May be called twice. */
  stop(): void {
    for (const presence of this.#presences.values()) if (presence.kind === 'leaving') presence.cancel();
    this.#presences.clear();
    this.#summary.flush();
  }

  #say(line: string, address: string): void {
    if (this.#summary.admit('company', clientSourceOf(address))) this.#options.say(line);
  }
}

function personOf({ user, address, method, key }: LoginEvent): string {
  return [clientSourceOf(address), method, key?.fingerprint ?? '', user].join(' ');
}

function companionFrom(login: LoginEvent): Companion {
  const { user, address } = login;
  return { user: new Untrusted(user), address, credential: credentialFrom(login) };
}

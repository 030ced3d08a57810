// What the relay's policy gives: who may enter beside those of the agent's own options, for `--access policy`.
import type { AccessMessage } from '#shared/protocol/control-messages.ts';
import type { Cancel } from '#shared/time/clock.ts';
import type { AccessList } from './access-list.ts';
import { accountsOf, type CredentialsContext } from './credentials-source.ts';
import { type KeyAccount, parseAccount } from './key-account.ts';
import { parseUserAuthorities } from './user-authorities.ts';

/** How long a relay has for its word after its welcome, in milliseconds. One that is older than `access` never says it. */
export const ACCESS_WITHIN_MS = 10_000;

export interface RelayAccessOptions extends CredentialsContext {
  /** Where it goes. */
  readonly access: AccessList;
  /** HOST[:PORT] of the relay, as the agent was given it. */
  readonly host: string;
}

/** What is to be done now that the relay has spoken or been silent. */
export type AccessOutcome =
  | { readonly kind: 'settled' }
  /** Nobody may enter at all. `message`: one line, with the way out. */
  | { readonly kind: 'nobody'; readonly message: string };

export class RelayAccess {
  readonly #options: RelayAccessOptions;
  readonly #settled = Promise.withResolvers<AccessOutcome>();
  #cancelWait: Cancel | undefined;
  #hasSpoken = false;
  /** The newest word, until its people are looked up. */
  #waiting: AccessMessage | undefined;
  #taking: Promise<void> | undefined;
  #lastWord = '';

  constructor(options: RelayAccessOptions) {
    this.#options = options;
  }

  /** Resolves once the first word of a relay counts, or none has come in time. */
  get settled(): Promise<AccessOutcome> {
    return this.#settled.promise;
  }

  /** A relay has said welcome: its word is due. */
  expect(): void {
    const { clock, host, tell } = this.#options;
    if (this.#hasSpoken) return;
    this.#cancelWait ??= clock.after(ACCESS_WITHIN_MS, () => {
      tell(
        `the relay of ${host} has not said who may enter: it has no policy for this, or is too old for --access policy`,
      );
      this.#settle();
    });
  }

  /** No word is due: the link is gone, or everything ends. May be called twice. */
  stop(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }

  /**
   * Takes a relay's word in place of the one before, once the keys of its people are here. Of words that come meanwhile the
   * newest is taken next: no relay makes the agent ask for more than one list of people at once. Never rejects.
   */
  take(message: AccessMessage): Promise<void> {
    this.stop();
    this.#hasSpoken = true;
    this.#waiting = message;
    this.#taking ??= this.#takeAll();
    return this.#taking;
  }

  async #takeAll(): Promise<void> {
    for (let word = this.#waiting; word !== undefined; word = this.#waiting) {
      this.#waiting = undefined;
      await this.#takeOne(word);
    }
    this.#taking = undefined;
  }

  async #takeOne(message: AccessMessage): Promise<void> {
    const { access, host, tell } = this.#options;
    const word = JSON.stringify([message.authorities, message.people]);
    // A link that came back says it again: what is known of these people stands, and nobody is asked for it anew.
    if (word === this.#lastWord) return;
    const accounts = accountsOf(this.#accountsIn(message), { ...this.#options, allowsHttp: false });
    const lines = message.authorities.join('\n');
    const read = lines === '' ? undefined : parseUserAuthorities(lines, `the policy of ${host}`);
    if (read?.kind === 'failed') for (const fault of read.faults) tell(fault);
    const { faults, troubles, notes } = await accounts.look();
    // It does not count any more.
    if (this.#waiting !== undefined) return;
    for (const line of [...faults, ...troubles, ...notes]) tell(line);
    access.takeFromRelay({ host, accounts, authorities: read?.kind === 'read' ? read.authorities : [] });
    this.#tellChange(word);
    this.#settle();
  }

  #tellChange(word: string): void {
    const { host, tell } = this.#options;
    if (this.#lastWord !== '' && this.#lastWord !== word)
      tell(`the relay of ${host} has changed who may enter`);
    this.#lastWord = word;
  }

  #accountsIn({ people }: AccessMessage): readonly KeyAccount[] {
    const { host, tell } = this.#options;
    return people.flatMap((text) => {
      const read = parseAccount(text);
      if (read.kind === 'account') return [read.account];
      tell(`the policy of ${host}: ${read.fault}`);
      return [];
    });
  }

  #settle(): void {
    const { access, host } = this.#options;
    const message =
      `nobody may enter: the relay of ${host} names nobody for this agent, and neither do its options; ` +
      'add --allow, --authorized-keys or --trusted-user-ca, or ask whoever runs that relay for `access` in its policy';
    this.#settled.resolve(access.isEmpty ? { kind: 'nobody', message } : { kind: 'settled' });
  }
}

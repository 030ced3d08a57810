// A sign-on at one relay: the token that is kept, another one for it, or a person who signs on; one of them at a time.
import type { SignedOn } from '#shared/protocol/sign-on.ts';
import { signOnUrl } from '#shared/protocol/sign-on.ts';
import { refreshSignOn, type SigningOn, type SignOnOutcome, signOnByDevice } from './device-flow.ts';
import { fileNameOf, type KeptSignOns } from './kept-sign-ons.ts';
import { takeTurn } from './turn.ts';

/** A token that is over this soon, in milliseconds, is not shown any more: the way to the relay takes time, and clocks differ. */
export const SIGN_ON_MARGIN_MS = 30_000;

const NOBODY_HERE =
  'it wants a person to sign on, and a program asks: run wsproxy ssh once by hand, or set CONVERGE_TOKEN';

export interface SignOnOptions extends SigningOn {
  /** Undefined where nothing can be kept. */
  readonly kept: KeptSignOns | undefined;
  /** True where a program runs this: nobody is there to sign on. */
  readonly isUnattended?: boolean | undefined;
}

export class SignOn {
  readonly #options: SignOnOptions;
  readonly #relay: string;
  #current: SignedOn | undefined;
  #isTold = false;

  constructor(options: SignOnOptions) {
    this.#options = options;
    this.#relay = relayOf(options.via.relay);
  }

  /** The token that can be had without a question to anybody; undefined if there is none. Never rejects. */
  async kept(): Promise<string | undefined> {
    return (await this.#fresh(undefined))?.token;
  }

  /** A token that is not `refused`, which the relay did not take. May take as long as a person does. Never rejects. */
  async token(refused: string | undefined): Promise<SignOnOutcome> {
    const fresh = await this.#fresh(refused);
    if (fresh !== undefined) return { kind: 'signed_on', signedOn: fresh };
    const { kept, clock, notify, signal } = this.#options;
    if (kept === undefined) return await this.#renew(refused);
    const endTurn = await takeTurn({
      folder: kept.folder,
      name: fileNameOf(this.#relay, 'turn'),
      clock,
      onWait: () => notify('another program of yours is signing on at this relay; waiting for it'),
      signal,
    });
    try {
      if (signal.aborted) return { kind: 'aborted' };
      const found = await this.#fresh(refused);
      return found === undefined ? await this.#renew(refused) : { kind: 'signed_on', signedOn: found };
    } finally {
      await endTurn();
    }
  }

  async #fresh(refused: string | undefined): Promise<SignedOn | undefined> {
    const { kept } = this.#options;
    if (this.#isFresh(this.#current, refused)) return this.#current;
    const found = await kept?.find(this.#relay);
    if (found?.kind === 'ignored') this.#tell(`what is kept of your sign-on is ignored: ${found.message}`);
    if (found?.kind === 'found') this.#current = found.signedOn;
    return this.#isFresh(this.#current, refused) ? this.#current : undefined;
  }

  #isFresh(signedOn: SignedOn | undefined, refused: string | undefined): boolean {
    if (signedOn === undefined || signedOn.token === refused) return false;
    return signedOn.expiresAt > this.#options.clock.wallTime() + SIGN_ON_MARGIN_MS;
  }

  async #renew(refused: string | undefined): Promise<SignOnOutcome> {
    const refresh = this.#current?.refresh ?? '';
    if (refresh !== '') {
      const outcome = await refreshSignOn(refresh, this.#options);
      if (outcome.kind === 'signed_on' && outcome.signedOn.token !== refused)
        return await this.#keep(outcome);
      if (outcome.kind === 'aborted') return outcome;
      // Without an answer the person could not sign on anew either.
      if (outcome.kind === 'failed' && !outcome.isFinal) return outcome;
      await this.#forget();
    }
    if (this.#options.isUnattended) return { kind: 'failed', message: NOBODY_HERE, isFinal: true };
    const outcome = await signOnByDevice(this.#options);
    if (outcome.kind !== 'signed_on') return outcome;
    this.#options.notify('signed on');
    return await this.#keep(outcome);
  }

  async #keep(
    outcome: Extract<SignOnOutcome, { kind: 'signed_on' }>,
  ): Promise<Extract<SignOnOutcome, { kind: 'signed_on' }>> {
    this.#current = outcome.signedOn;
    const kept = await this.#options.kept?.keep(this.#relay, outcome.signedOn);
    if (kept?.kind === 'not_kept') this.#tell(`your sign-on is not kept for later: ${kept.message}`);
    return outcome;
  }

  async #forget(): Promise<void> {
    this.#current = undefined;
    await this.#options.kept?.forget(this.#relay);
  }

  /** Once: the fault is in the same folder. */
  #tell(line: string): void {
    if (!this.#isTold) this.#options.notify(line);
    this.#isTold = true;
  }
}

/** Where a relay is asked, for `…/client/ID` of it: two relays of one host may lie below different prefixes. */
function relayOf(url: URL): string {
  return signOnUrl(url, 'browser').href.replace(/\/sign-on$/, '');
}

// Everything that one client program needs to say who it is, put together.
import type { Clock } from '#shared/time/clock.ts';
import { KeptSignOns } from '../sign-on/kept-sign-ons.ts';
import { askRelay } from '../sign-on/relay-question.ts';
import { SignOn } from '../sign-on/sign-on.ts';
import { type ClientIdentity, clientProver } from './client-prover.ts';
import { Introduction } from './introduction.ts';

export interface IntroducingOptions {
  readonly identity: ClientIdentity;
  /** `…/client/ID` of the relay. */
  readonly url: URL;
  readonly id: string;
  readonly proxy: URL | undefined;
  readonly clock: Clock;
  /** Takes a line for the person: where to sign on, which key to touch. */
  readonly notify: (line: string) => void;
  /** Ends the making of proofs. */
  readonly signal: AbortSignal;
}

/** For one program and all of its connections. Nothing is opened before a relay asks. */
export function introduce(options: IntroducingOptions): Introduction {
  const { identity, url, id, proxy, clock, notify, signal } = options;
  const { stateFolder, isUnattended } = identity;
  const via = { relay: url, proxy };
  const kept = stateFolder === undefined ? undefined : new KeptSignOns(stateFolder);
  const ask = askRelay({ url, proxy, clock });
  const signOn = new SignOn({ ask, via, kept, clock, random: Math.random, notify, signal, isUnattended });
  const prover = clientProver({ identity, signOn, clock, notify });
  return new Introduction({ relay: url, id, proxy, prover, clock, signal });
}

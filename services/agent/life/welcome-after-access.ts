// The first welcome of a relay that is asked who may enter: it counts once the answer does, so that the card can say it.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Welcome } from '#shared/protocol/control-messages.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { RelayAccess } from '../access/relay-access.ts';
import type { Lifecycle } from './lifecycle.ts';

/** What hears of a link in place of the lifecycle. */
export interface WelcomeHearer {
  readonly welcomed: (welcome: Welcome) => void;
  readonly lost: (reason: CloseReason) => void;
}

type State =
  /** No link is up, and it is not known yet who may enter. */
  | { readonly kind: 'waiting' }
  /** A link is up, and its relay has yet to say who may enter. */
  | { readonly kind: 'welcomed'; readonly welcome: Welcome; readonly at: number }
  /** From here on everything is passed on. */
  | { readonly kind: 'settled' };

/** Passes on to `lifecycle` what happens, a welcome only once it is known who may enter. */
export function welcomesAfterAccess(
  lifecycle: Pick<Lifecycle, 'welcomed' | 'relayLost' | 'failed'>,
  access: Pick<RelayAccess, 'expect' | 'settled' | 'stop'>,
  clock: Pick<Clock, 'now'>,
): WelcomeHearer {
  let state: State = { kind: 'waiting' };
  void access.settled.then((outcome) => {
    const before = state;
    state = { kind: 'settled' };
    if (outcome.kind === 'nobody')
      lifecycle.failed({ kind: 'refused', message: outcome.message, patienceMs: 0 });
    else if (before.kind === 'welcomed') lifecycle.welcomed(laterBy(clock.now() - before.at, before.welcome));
  });
  return {
    welcomed(welcome) {
      if (state.kind === 'settled') return lifecycle.welcomed(welcome);
      state = { kind: 'welcomed', welcome, at: clock.now() };
      access.expect();
    },
    lost(reason) {
      if (state.kind === 'settled') return lifecycle.relayLost(reason);
      state = { kind: 'waiting' };
      access.stop();
    },
  };
}

/** What a welcome says when `ms` have gone since: its time is the relay's, and has run on. 0 is no limit. */
function laterBy(ms: number, welcome: Welcome): Welcome {
  const { lifetimeMs } = welcome;
  return { ...welcome, lifetimeMs: lifetimeMs === 0 ? 0 : Math.max(1, lifetimeMs - ms) };
}

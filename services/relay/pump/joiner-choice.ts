// The choice of a joiner: the native pump where it is wanted and was built, joinStreams elsewhere.
import { joinStreams } from '#shared/stream/join.ts';
import { faultText } from '#shared/text/fault-text.ts';
import type { Joiner, Log } from '../session/needs.ts';
import { type Pump, startPump } from './native-pump.ts';
import { pumpAddon } from './pump-addon.ts';

export interface PumpSettings {
  readonly threads: number;
}

/** A joiner with an end. */
export interface StoppedJoiner extends Joiner {
  /** From now on every session is joined in JavaScript; resolves when all others, closed or cut before, are back there. */
  idle(): Promise<void>;
  /** Cuts whatever session it still has. May be called twice. */
  stop(): void;
}

/** Starts nothing before the first session. Without settings there is no native pump. */
export function joinerFor(settings: PumpSettings | undefined, log: Log): StoppedJoiner {
  let pump: Pump | undefined;
  let isChosen = settings === undefined;
  return {
    join(left, right, options) {
      if (!isChosen && settings !== undefined) {
        isChosen = true;
        pump = pumpFrom(settings, log);
      }
      return (pump ?? { join: joinStreams }).join(left, right, options);
    },
    count() {
      pump?.count();
    },
    async idle() {
      isChosen = true;
      await pump?.idle();
    },
    stop() {
      isChosen = true;
      pump?.stop();
    },
  };
}

/** Undefined where there is none; the log says why. */
function pumpFrom({ threads }: PumpSettings, log: Log): Pump | undefined {
  try {
    const addon = pumpAddon();
    if (addon !== undefined) {
      const pump = startPump(addon, threads);
      log.info({ threads }, 'native pump started');
      return pump;
    }
    log.warn({ detail: 'the pump was not built for this machine' }, 'sessions are moved by JavaScript');
  } catch (error) {
    log.warn({ detail: faultText(error) }, 'sessions are moved by JavaScript');
  }
  return undefined;
}

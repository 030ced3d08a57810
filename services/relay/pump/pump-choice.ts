// The choice of a pump: the native one where it is wanted and was built, JavaScript elsewhere.
import { faultText } from '#shared/text/fault-text.ts';
import type { Log } from '../session/needs.ts';
import { startPump } from './native-pump.ts';
import { JAVASCRIPT_PUMP, type Pump } from './pump.ts';
import { pumpAddon } from './pump-addon.ts';

export interface PumpSettings {
  readonly threads: number;
}

/** Chosen, and started, with the first session. Without settings it is JavaScript. */
export function pumpFor(settings: PumpSettings | undefined, log: Log): Pump {
  let chosen = settings === undefined ? JAVASCRIPT_PUMP : undefined;
  return {
    get size() {
      return chosen?.size ?? 0;
    },
    join(left, right, options) {
      chosen ??= settings === undefined ? JAVASCRIPT_PUMP : nativePump(settings, log);
      return chosen.join(left, right, options);
    },
    count() {
      chosen?.count();
    },
    async idle() {
      chosen ??= JAVASCRIPT_PUMP;
      await chosen.idle();
    },
    stop() {
      chosen ??= JAVASCRIPT_PUMP;
      chosen.stop();
    },
  };
}

/** JavaScript where there is none; the log says why. */
function nativePump({ threads }: PumpSettings, log: Log): Pump {
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
  return JAVASCRIPT_PUMP;
}

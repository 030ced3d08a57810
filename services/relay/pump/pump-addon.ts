// The pump addon: its functions (pump.cc) with their types.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadAddonFile } from '#shared/machine/native-addon.ts';

/**
 * Where it may be, for code at `url`: beside the relay's bundle, by the machine that it is for; and, for code that runs from its
 * sources, where the build leaves addons of this machine.
 */
export function pumpPlaces(url: string): readonly string[] {
  const places = [`./pump-${process.platform}-${process.arch}.node`, '../../../dist/native/pump.node'];
  return places.map((place) => fileURLToPath(new URL(place, url)));
}

/** A pump in the addon's hands. */
export type PumpHandle = object & { readonly isPump?: never };

/** How far the pump has come with one leg. `errno` is 0, or what the kernel said, negated. */
export interface LegRest {
  readonly unread: Buffer;
  readonly left: number;
  readonly unsent: Buffer;
  readonly errno: number;
}

/** The places of what `read` tells of one leg, in bytes; the last one counts how often its peer did not take all at once. */
export const COUNTERS = { read: 0, payload: 1, held: 2, holdUps: 3 } as const;

/** What one read takes, in bytes: a leg whose peer does not read holds that much. The same number is in pump-thread.h. */
export const PUMP_READ_BYTES = 128 * 1024;

/** A failure is an errno, negated. */
export interface PumpAddon {
  /** PUMP_READ_BYTES, as it was compiled. */
  readonly readBytes: number;
  start(threads: number, giveBack: (id: number, left: LegRest, right: LegRest) => void): PumpHandle | number;
  /** The two sockets are read and written by nobody else from here on. The id of the session; it is over 0. */
  join(
    pump: PumpHandle,
    leftDescriptor: number,
    leftIsClient: boolean,
    leftHead: Buffer,
    rightDescriptor: number,
    rightIsClient: boolean,
    rightHead: Buffer,
  ): number;
  recall(pump: PumpHandle, id: number): void;
  ping(pump: PumpHandle, id: number, side: 0 | 1): void;
  /** Leaves `counters` as they are once the session was given back. */
  read(pump: PumpHandle, id: number, side: 0 | 1, counters: Float64Array): void;
  /** The last call. */
  stop(pump: PumpHandle): void;
}

/** Undefined where it was not built. @throws NativeAddonError */
export function pumpAddon(): PumpAddon | undefined {
  const file = pumpPlaces(import.meta.url).find(existsSync);
  return file === undefined ? undefined : (loadAddonFile(file) as PumpAddon);
}

// A probe for a test file, and for each of its tests a home of somebody who has never started it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type PackedProbe, type ProbeRun, packProbe, runProbe } from './packed-probe.ts';

/** Compiles a launcher and a probe, in milliseconds. */
const PACK_WITHIN_MS = 120_000;

/** Hooks pack the probe before the first test of the file, make a home before each, and take all away after the last. */
export function useProbe(): ProbeHome {
  const home = new ProbeHome();
  beforeAll(() => home.open(), PACK_WITHIN_MS);
  beforeEach(() => home.renew());
  afterAll(() => home.close());
  return home;
}

/** Nothing is made before `open`. */
export class ProbeHome {
  /** A test may take another. */
  path = '';
  #probe: PackedProbe | undefined;

  get probe(): PackedProbe {
    if (this.#probe === undefined) throw new Error('no probe was packed');
    return this.#probe;
  }

  /** Where the launcher unpacks to. */
  get cache(): string {
    return join(this.path, '.cache/converge');
  }

  async open(): Promise<void> {
    this.#probe = await packProbe();
  }

  async renew(): Promise<void> {
    this.path = await this.makeFolder('home-');
  }

  /** May be called twice, and before `open`. */
  async close(): Promise<void> {
    if (this.#probe !== undefined) await rm(this.#probe.folder, { recursive: true, force: true });
  }

  /** Beside the homes. */
  async makeFolder(prefix: string): Promise<string> {
    return await mkdtemp(join(this.probe.folder, prefix));
  }

  /** Starts the probe with nothing but this home. */
  async start(...args: string[]): Promise<ProbeRun> {
    return await runProbe([this.probe.file, ...args], { HOME: this.path });
  }

  /** The same for a packed probe that is not as it was made; its name is `changed`, unless it is another. */
  async startChanged(bytes: Buffer, name = 'changed'): Promise<ProbeRun> {
    const file = join(this.path, name);
    await writeFile(file, bytes, { mode: 0o755 });
    return await runProbe([file], { HOME: this.path });
  }
}

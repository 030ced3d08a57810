// The registry contract, run against each implementation.
import { memoryFrom } from '../../services/relay/registry/continuity.ts';
import { MemoryRegistry, MemoryStore } from '../../services/relay/registry/memory-registry.ts';
import { RESERVATION_MS } from '../../services/relay/registry/registry.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { describeRegistry, type RegistryHarness } from './registry-contract.ts';

describeRegistry('a map in memory', openMemory, { canFail: false });

function openMemory(): Promise<RegistryHarness> {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const registries = [new MemoryRegistry(clock, store), new MemoryRegistry(clock, store)] as const;
  return Promise.resolve({
    registries,
    leaseMs: RESERVATION_MS,
    advance(ms: number) {
      clock.advance(ms);
      return Promise.resolve();
    },
    wallTime: () => clock.wallTime(),
    wipe() {
      store.held.clear();
      return Promise.resolve();
    },
    forget() {
      store.held.clear();
      store.memory = memoryFrom(clock.wallTime());
      return Promise.resolve();
    },
    kept: () => Promise.resolve(store.held.size),
    async stop() {
      for (const registry of registries) await registry.stop();
    },
  });
}

// The registry contract, run against each implementation.
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { MemoryRegistry, MemoryStore } from '../../services/relay/registry/memory.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { describeRegistry, type RegistryHarness } from './registry-contract.ts';

describeRegistry('a map in memory', openMemory, { canFail: false });

function openMemory(): Promise<RegistryHarness> {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const registries = [new MemoryRegistry(clock, store), new MemoryRegistry(clock, store)] as const;
  return Promise.resolve({
    registries,
    leaseMs: LEASE_MS,
    advance(ms: number) {
      clock.advance(ms);
      return Promise.resolve();
    },
    async stop() {
      for (const registry of registries) await registry.stop();
    },
  });
}

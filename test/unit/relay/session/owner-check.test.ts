// The owner check: after a refused claim, is the pod that holds the ID there? A dead pod must not keep it for long.
import { expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { OWNER_LOOK_EVERY_MS, OwnerCheck } from '../../../../services/relay/session/owner-check.ts';
import { createCore, PEER, SELF } from '../../../support/relay/session-core.ts';
import { settle } from '../../../support/time/poll.ts';

/** `listening`: what a look at the address of another pod finds. */
function start(listening: boolean | undefined) {
  const core = createCore();
  const looks: string[] = [];
  const check = new OwnerCheck({
    ...core,
    peers: {
      isListening(address) {
        looks.push(address);
        return Promise.resolve(listening);
      },
    },
    cluster: { isAlive: (address) => core.cluster.alive.get(address) },
    self: SELF,
  });
  /** Whether a stranger gets the ID a lease later. */
  const isFreed = async (): Promise<boolean> => {
    await check.check('job');
    core.clock.advance(LEASE_MS);
    return (await core.registry.claim('job', 'stranger', SELF)).kind === 'claimed';
  };
  return { ...core, check, isFreed, looks };
}

test.each([
  ['refuses the connection', false, true],
  ['takes it', true, false],
  ['says nothing', undefined, false],
])('a pod that %s: what it holds is freed after a lease: %s, %s', async (_, listening, isGone) => {
  const { there, isFreed } = start(listening);
  await there.claim('job', 'hash', PEER);
  expect(await isFreed()).toBe(isGone);
});

test.each([
  ['is gone', false, true],
  ['is there', true, false],
])('where Kubernetes says that it %s nobody looks', async (_, alive, isGone) => {
  const { there, cluster, isFreed, looks } = start(false);
  await there.claim('job', 'hash', PEER);
  cluster.alive.set(PEER.address, alive);
  expect(await isFreed()).toBe(isGone);
  expect(looks).toEqual([]);
});

test('an entry that leads to this very pod is of a life before, unless the agent is linked here', async () => {
  const before = start(undefined);
  await before.there.claim('job', 'hash', SELF);
  expect(await before.isFreed()).toBe(true);
  const now = start(undefined);
  await now.link('job');
  expect(await now.isFreed()).toBe(false);
});

test('a pod is looked at once in a while, however many claims are refused', async () => {
  const { there, check, clock, looks } = start(true);
  await there.claim('job', 'hash', PEER);
  await Promise.all(Array.from({ length: 100 }, () => check.check('job')));
  expect(looks).toEqual([PEER.address]);
  clock.advance(OWNER_LOOK_EVERY_MS);
  await settle();
  await check.check('job');
  expect(looks).toHaveLength(2);
  clock.advance(OWNER_LOOK_EVERY_MS);
  expect(clock.pending).toBe(0);
});

test('a registry that is away, and an ID that nobody holds, are no reason to look', async () => {
  const { registry, check, looks } = start(false);
  await check.check('job');
  registry.lookup = () => Promise.reject(new Error('down'));
  await check.check('job');
  expect(looks).toEqual([]);
});

// A client that does not read: its own session stands still on both pods, costs them little, and hurts nobody else.
import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { useMesh } from '../support/mesh/mesh.ts';
import type { MeshPod } from '../support/mesh/mesh-pod.ts';
import { socketOf } from '../support/relay/fake-agent.ts';
import { openClient } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';

const MIB = 2 ** 20;
const BLOCK = randomBytes(256 * 1024);
/** More than the kernels of three connections hold, each with a receive buffer of up to 32 MiB. */
const BLOCKS = 600;
/** What two pods may hold of it, at most. */
const HELD_BYTES = 16 * MIB;
/** This many looks in a row without a byte more: nothing moves. */
const STILL_LOOKS = 30;

const mesh = useMesh();

test('a reader that is stuck behind a hop stops its sender, and reads every byte later', async () => {
  const [first, second] = mesh.pods as [MeshPod, MeshPod];
  let pushed = 0;
  await mesh.agent('flood', {
    linkPort: first.port,
    streamPort: second.port,
    onSession: (duplex) => {
      void flood(duplex, (bytes) => {
        pushed += bytes;
      });
    },
  });
  await mesh.agent('calm', { linkPort: first.port, streamPort: second.port });
  const bystander = await mesh.plain('calm', first.port);
  await bystander.exchange(100_000);
  const before = await residentOf(first, second);

  const client = socketOf(await openClient(first.port, 'flood'));
  client.send('SSH-2.0-stuck\r\n', { binary: true });
  let looks = 0;
  let seen = 0;
  const standsStill = (): boolean => {
    looks = pushed === seen && pushed > 0 ? looks + 1 : 0;
    seen = pushed;
    return looks >= STILL_LOOKS;
  };
  await until('the sender stands still', standsStill, 60_000);
  expect(pushed).toBeLessThan(BLOCKS * BLOCK.length);
  await bystander.exchange(MIB);
  const cost = (await residentOf(first, second)) - before;
  console.log(
    `stuck: ${(pushed / MIB).toFixed(1)} MiB left the agent, two pods grew by ${(cost / MIB).toFixed(1)} MiB`,
  );
  expect(cost).toBeLessThan(HELD_BYTES);

  const hash = createHash('sha256');
  let got = 0;
  client.on('message', (data: Buffer) => {
    hash.update(data);
    got += data.length;
  });
  client.resume();
  await until('all of it', () => got === BLOCKS * BLOCK.length, 60_000);
  const expected = createHash('sha256');
  for (let block = 0; block < BLOCKS; block += 1) expected.update(BLOCK);
  expect(hash.digest('hex')).toBe(expected.digest('hex'));
  await bystander.exchange(100_000);
  client.terminate();
});

async function flood(duplex: Duplex, onPushed: (bytes: number) => void): Promise<void> {
  duplex.resume();
  for (let block = 0; block < BLOCKS; block += 1) {
    // A stream may write into what it was given.
    if (!duplex.write(Buffer.from(BLOCK))) await new Promise((resolve) => duplex.once('drain', resolve));
    onPushed(BLOCK.length);
  }
}

async function residentOf(...pods: readonly MeshPod[]): Promise<number> {
  const sizes = await Promise.all(pods.map((pod) => pod.metric('process_resident_memory_bytes')));
  return sizes.reduce((sum, size) => sum + size, 0);
}

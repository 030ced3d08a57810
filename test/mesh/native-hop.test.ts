// A session over a hop is in the native pump of both pods.
import { expect, test } from 'vitest';
import { useMesh } from '../support/mesh/mesh.ts';
import type { MeshPod } from '../support/mesh/mesh-pod.ts';

const mesh = useMesh();

test('a session whose two ends are on two pods is moved by the pump of each', async () => {
  const [first, second] = mesh.pods as [MeshPod, MeshPod];
  await mesh.agent('far', { linkPort: first.port, streamPort: second.port });
  const client = await mesh.plain('far', first.port);
  await client.exchange(100_000);
  for (const pod of [first, second]) expect(await pod.metric('converge_sessions_native')).toBe(1);
});

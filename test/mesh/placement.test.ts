// Where agents, clients and streams land: any pod will do for each, and no session takes more than one hop.
import { expect, test } from 'vitest';
import { POD_NAMES, useMesh } from '../support/mesh/mesh.ts';

const mesh = useMesh();

const PLACES = POD_NAMES.flatMap((agent) =>
  POD_NAMES.flatMap((client) => POD_NAMES.map((stream) => ({ agent, client, stream }))),
);

test.for(PLACES)('agent on $agent, client on $client, stream on $stream', async (places) => {
  const { agent, client, stream } = places;
  const id = `job-${agent}-${client}-${stream}`;
  await mesh.agent(id, { linkPort: mesh.pod(agent).port, streamPort: mesh.pod(stream).port });
  for (const kind of ['plain', 'resumable'] as const) {
    const session = await mesh[kind](id, mesh.pod(client).port);
    await session.exchange(300_000);
    expect(await mesh.routes(id)).toEqual(
      client === stream ? [`${client} local`] : [`${client} waiting`, `${stream} forwarding`].sort(),
    );
    session[Symbol.dispose]();
    await expect.poll(() => mesh.routes(id)).toEqual([]);
  }
});

test('three hundred sessions with six agents, all through the balancer, bring every byte back', async () => {
  const ids = Array.from({ length: 6 }, (_, index) => `many-${index}`);
  await Promise.all(ids.map((id) => mesh.agent(id)));
  const sessions = await Promise.all(
    Array.from({ length: 300 }, (_, index) => {
      const id = ids[index % ids.length] ?? '';
      return index % 2 === 0 ? mesh.plain(id) : mesh.resumable(id);
    }),
  );
  await Promise.all(sessions.map((session) => session.exchange(50_000)));
  const lists = await Promise.all(mesh.pods.map((pod) => pod.list()));
  const routes = lists.flatMap(({ sessions: listed }) => listed.map(({ route }) => route));
  const count = (wanted: string): number => routes.filter((route) => route === wanted).length;
  console.log(`300 sessions: ${count('local')} local, ${count('forwarding')} over one hop`);
  expect(count('local') + count('waiting')).toBe(300);
  expect(count('forwarding')).toBe(count('waiting'));
  for (const { agents } of lists) expect(agents.length).toBe(2);
  expect(sessions.filter(({ ended }) => ended !== undefined)).toEqual([]);
});

// A client that knows nothing of Converge but the URL: any WebSocket bridge does, such as websocat.
import { createServer, type Socket } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import type { E2eAgent } from '../support/laptop/job.ts';
import type { Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { listening } from '../support/network/ports.ts';

const MB = 1_000_000;

const world = useWorld();
let agent: E2eAgent;
let way: Way;

beforeAll(async () => {
  ({ agent, way } = await openJob(world, { held: true }));
});

test('ssh and sftp work through a bare WebSocket without a subprotocol', async () => {
  const url = `${world.relay.wsUrl}/client/${agent.id}`;
  await using bridge = await listening(createServer((socket) => connectBare(socket, url)));
  const plain = way.throughPort(bridge.port);
  await makeBytes(`${way.laptop.folder}/file`, 5 * MB);
  expect(await plain.ssh([way.host, 'echo in'])).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
  expect((await plain.sftp(['put file'], ['-q'])).code).toBe(0);
  expect(await hashOf(`${agent.job}/file`)).toBe(await hashOf(`${way.laptop.folder}/file`));
});

function connectBare(socket: Socket, url: string): void {
  const bridge = createWebSocketStream(new WebSocket(url));
  for (const end of [socket, bridge]) end.on('error', () => undefined);
  socket.pipe(bridge).pipe(socket);
}

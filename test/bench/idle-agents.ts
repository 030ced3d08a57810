// What an idle agent costs a relay: resident memory with thousands of control links, over that of an empty relay.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { agentPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { openUpgraded } from './socket.ts';
import { residentBytes } from './usage.ts';

const QUICK_AGENTS = 2_000;
const FULL_AGENTS = 10_000;
/** Come and go before the first look, so that code and heap are those of a relay that has worked. */
const EARLIER_AGENTS = 500;
const AT_A_TIME = 50;
/** Longer than a round of pings. */
const SETTLE_MS = 20_000;
const QUICK_SETTLE_MS = 3_000;

const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** Control links as bytes; whatever comes is answered with a pong, which is all that a link needs to live. */
async function openLinks(port: number, count: number, prefix: string): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let next = 0;
  const dialler = async (): Promise<void> => {
    while (next < count) {
      const id = `${prefix}-${next++}`;
      const headers = { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() };
      const { socket } = await openUpgraded(port, agentPath(id), headers);
      socket.on('data', () => socket.write(PONG));
      socket.resume();
      sockets.push(socket);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, dialler));
  return sockets;
}

export async function measureMemory({ figures, isFull, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const pod = stack.use(await startPod('bench-memory'));
  const earlier = await openLinks(pod.port, EARLIER_AGENTS, 'earlier');
  for (const socket of earlier) socket.destroy();
  const settleMs = isFull ? SETTLE_MS : QUICK_SETTLE_MS;
  await sleep(settleMs);
  const empty = await residentBytes(pod.pid);
  const count = isFull ? FULL_AGENTS : QUICK_AGENTS;
  say(`${count} control links`);
  const sockets = await openLinks(pod.port, count, 'idle');
  stack.defer(() => void sockets.map((socket) => socket.destroy()));
  await sleep(settleMs);
  const lost = sockets.filter(({ destroyed }) => destroyed).length;
  if (lost > 0) throw new Error(`${lost} control links were closed`);
  const held = await residentBytes(pod.pid);
  figures.add('memory.empty_relay', 'KiB', empty / 1024);
  figures.add('memory.with_agents', 'KiB', held / 1024);
  figures.add('memory.per_agent', 'KiB', (held - empty) / 1024 / count);
}

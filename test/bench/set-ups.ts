// Set-ups: sessions opened and closed per second on one pod, against bare handshakes of ws with as many sockets.
import { once } from 'node:events';
import { parseRelayMessage } from '#shared/protocol/control-messages.ts';
import { agentStreamPath, clientPath } from '#shared/protocol/paths.ts';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { startMessages } from './reference.ts';
import { openUpgraded } from './socket.ts';
import { cpuSeconds } from './usage.ts';

const QUICK_SESSIONS = 300;
const FULL_SESSIONS = 2_000;
const AT_A_TIME = 16;

const HEADERS = { 'Sec-WebSocket-Protocol': STREAM };

/** A close frame with code 1000, masked with zeros. */
const GOODBYE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

/** Runs `open` this many times; the result is how often per second. */
export async function rateOf(times: number, open: () => Promise<void>): Promise<number> {
  let left = times;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await open();
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return (times * 1000) / (performance.now() - began);
}

/** An agent `bench` that opens a stream for each client, and answers its goodbye. */
export async function answerDials(
  port: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Disposable> {
  const agent = await openAgent(port, 'bench', { headers });
  agent.socket.on('message', (data: Buffer) => {
    const received = parseRelayMessage(data.toString());
    if (received.kind !== 'message' || received.message.type !== 'dial') return;
    const path = agentStreamPath('bench', received.message.ticket);
    // All that the relay says on the stream is goodbye, perhaps together with the answer; an agent answers it.
    void openUpgraded(port, path, HEADERS).then(({ socket, head }) => {
      const leave = (): void => void socket.end(GOODBYE);
      if (head.length > 0) leave();
      else socket.once('data', leave);
      socket.resume();
    });
  });
  return agent;
}

/** Opens a session with that agent, and ends it. */
export async function openSession(
  port: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { socket } = await openUpgraded(port, clientPath('bench'), { ...HEADERS, ...headers });
  socket.destroy();
  await once(socket, 'close');
}

export async function measureSetUps({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const pod = stack.use(await startPod('bench-setup'));
  const bare = stack.use(await startMessages('alone'));
  stack.use(await answerDials(pod.port));
  const session = () => openSession(pod.port);
  const handshakes = async (): Promise<void> => {
    const pair = await Promise.all([openUpgraded(bare.port, '/'), openUpgraded(bare.port, '/')]);
    for (const { socket } of pair) socket.destroy();
  };
  const times = isFull ? FULL_SESSIONS : QUICK_SESSIONS;
  say(`${rounds} rounds of ${times} sessions, and of as many pairs of handshakes`);
  for (let round = -1; round < rounds; round += 1) {
    const bareBefore = await cpuSeconds([bare.pid]);
    const reference = await rateOf(times, handshakes);
    const bareCpu = (await cpuSeconds([bare.pid])) - bareBefore;
    const before = await cpuSeconds([pod.pid]);
    const rate = await rateOf(times, session);
    const cpu = (await cpuSeconds([pod.pid])) - before;
    // The first round warms up.
    if (round < 0) continue;
    figures.add('setup.sessions', '1/s', rate);
    figures.add('setup.bare_pairs', '1/s', reference);
    figures.add('setup.ratio', 'ratio', rate / reference);
    figures.add('setup.sessions_per_cpu_second', '1/s', times / cpu);
    figures.add('setup.bare_pairs_per_cpu_second', '1/s', times / bareCpu);
  }
}

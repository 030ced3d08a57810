// A lane: a way for bytes from a source here, through processes that are measured, to a sink here.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { agentStreamPath, clientPath } from '#shared/protocol/paths.ts';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { acceptValueFor } from '#shared/websocket/handshake.ts';
import { listening } from '../support/network/ports.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import type { BenchPod } from './pod.ts';
import { startMessages, startNginx, startSplice } from './reference.ts';
import { openUpgraded, pour, Sink } from './socket.ts';
import { cpuSeconds } from './usage.ts';

const BYTES_PER_GB = 1e9;

/** A turn that takes longer says how far it is. */
const SLOW_AFTER_MS = 8_000;

/** Below the time in which a relay wants a sign of life. */
const ALIVE_EVERY_MS = 5_000;

/** Nobody asked for it, which is allowed (RFC 6455 section 5.5.3). Masked with zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export class Lane {
  readonly name: string;
  readonly isFramed: boolean;
  readonly #pids: readonly number[];
  readonly #source: Socket;
  readonly #sink: Sink;

  constructor(name: string, isFramed: boolean, pids: readonly number[], source: Socket, sink: Sink) {
    this.name = name;
    this.isFramed = isFramed;
    this.#pids = pids;
    this.#source = source;
    this.#sink = sink;
    source.on('error', (error) => console.error(`   ${name}: ${error.message}`));
  }

  /** Moves `times` units, each with `payloadBytes` that count; the result is CPU seconds per GB. */
  async cost(unit: Buffer, payloadBytes: number, times: number): Promise<number> {
    const before = await cpuSeconds(this.#pids);
    const arrived = this.#sink.more(payloadBytes * times);
    const watch = setInterval(() => {
      console.error(
        `   ${this.name}: ${this.#sink.missing} bytes missing, ${this.#source.writableLength} not taken`,
      );
    }, SLOW_AFTER_MS);
    await pour(this.#source, unit, times);
    await arrived;
    clearInterval(watch);
    const spent = (await cpuSeconds(this.#pids)) - before;
    return (spent * BYTES_PER_GB) / (payloadBytes * times);
  }
}

export async function openSpliceLane(stack: AsyncDisposableStack): Promise<Lane> {
  const sink = new Sink();
  const server = stack.use(await listening(createServer(sink.readBytes)));
  const splice = stack.use(await startSplice(server.port));
  const source = connect({ port: splice.port, host: '127.0.0.1', noDelay: true });
  stack.defer(() => void source.destroy());
  await once(source, 'connect');
  return new Lane('splice', false, [splice.pid], source, sink);
}

export async function openMessagesLane(stack: AsyncDisposableStack): Promise<Lane> {
  const relay = stack.use(await startMessages('joined'));
  const source = await openUpgraded(relay.port, '/');
  const far = await openUpgraded(relay.port, '/');
  const sink = new Sink();
  sink.readFrames(far, false);
  stack.defer(() => void [source, far].map(({ socket }) => socket.destroy()));
  return new Lane('ws', true, [relay.pid], source.socket, sink);
}

export async function openNginxLane(stack: AsyncDisposableStack): Promise<Lane> {
  const sink = new Sink();
  const http = createHttpServer();
  http.on('upgrade', (request, socket: Socket, head: Buffer) => {
    const accept = acceptValueFor(request.headers['sec-websocket-key'] ?? '');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    stack.defer(() => void socket.destroy());
    sink.readFrames({ socket, head }, true);
  });
  const server = stack.use(await listening(http));
  const nginx = stack.use(await startNginx(server.port));
  const source = await openUpgraded(nginx.port, '/');
  stack.defer(() => void source.socket.destroy());
  return new Lane('nginx', true, [nginx.pid], source.socket, sink);
}

/** The agent is on the first pod, the client on the last; with two pods there is a hop between. */
export async function openPodLane(
  stack: AsyncDisposableStack,
  name: string,
  pods: readonly [BenchPod, ...BenchPod[]],
): Promise<Lane> {
  const [first] = pods;
  const last = pods.at(-1) ?? first;
  const agent = stack.use(await openAgent(first.port, name));
  const headers = { 'Sec-WebSocket-Protocol': STREAM };
  const client = openUpgraded(last.port, clientPath(name), headers);
  const { ticket } = await agent.dial();
  const far = await openUpgraded(first.port, agentStreamPath(name, ticket), headers);
  const source = await client;
  const sink = new Sink();
  sink.readFrames(far, false);
  const sockets = [source.socket, far.socket];
  // The relay cuts who is silent; a lane waits for its turn longer than that.
  const alive = setInterval(() => void sockets.map((socket) => socket.write(PONG)), ALIVE_EVERY_MS);
  stack.defer(() => {
    clearInterval(alive);
    for (const socket of sockets) socket.destroy();
  });
  const pids = pods.map(({ pid }) => pid);
  return new Lane(name, true, pids, source.socket, sink);
}

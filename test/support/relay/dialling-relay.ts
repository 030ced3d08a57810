// A relay without any limits of its own: it hands every client on to the agent, with whatever address the test gives it.
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { AGENT_CONTROL, parseSubprotocols, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { AGENT_DIAL_TIMEOUT_MS } from '../../../services/relay/session/pending-dials.ts';
import { until } from '../time/poll.ts';

const AGENT_PATH = /^\/agent\/[^/]+$/;
const STREAM_PATH = /^\/agent\/[^/]+\/stream\/(.+)$/;

export class DiallingRelay implements AsyncDisposable {
  /** The streams of the agent that are open now. */
  readonly streams = new Set<WebSocket>();
  /** How many streams it has opened in all, and the most at a time. */
  opened = 0;
  peak = 0;
  /** How many clients have come by `clientUrl`. */
  clients = 0;
  /** The address that the agent is told of clients that come by `clientUrl` and `sshPort`. */
  clientAddress = '192.0.2.1';
  readonly #server = http.createServer();
  readonly #endpoint = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => [RESUME, AGENT_CONTROL, STREAM].find((name) => offered.has(name)) ?? false,
  });
  readonly #door = createServer((socket) => {
    void this.#letIn(socket);
  });
  readonly #wanted = new Map<string, (stream: WebSocket) => void>();
  /** What is joined to a stream of a client of `clientUrl`. */
  readonly #joined = new Set<WebSocket>();
  readonly #sockets = new Set<Duplex>();
  #agent: WebSocket | undefined;
  #tickets = 0;

  async start(): Promise<this> {
    this.#server.on('connection', (socket) => this.#keep(socket));
    this.#server.on('upgrade', (request, socket, head) => {
      this.#endpoint.handleUpgrade(request, socket, head, (link) => {
        link.on('error', () => undefined);
        const resumable = parseSubprotocols(request.headers['sec-websocket-protocol']).includes(RESUME);
        this.#take(link, request.url ?? '', resumable);
      });
    });
    this.#server.listen(0, '127.0.0.1');
    this.#door.listen(0, '127.0.0.1');
    await Promise.all([once(this.#server, 'listening'), once(this.#door, 'listening')]);
    return this;
  }

  /** What an agent dials, without a path. */
  get base(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get clientUrl(): string {
    return `${this.base}/client/job`;
  }

  /** A port where `ssh` finds the agent, by a plain stream. */
  get sshPort(): number {
    return (this.#door.address() as AddressInfo).port;
  }

  async linked(): Promise<this> {
    await until('the agent is linked', () => this.#agent !== undefined, 30_000);
    return this;
  }

  /** Orders a dial. Resolves with the stream; never, if the agent does not open one. */
  dial(address: string, resumable = false): Promise<WebSocket> {
    const ticket = `ticket-${++this.#tickets}`;
    const { promise, resolve } = Promise.withResolvers<WebSocket>();
    this.#wanted.set(ticket, resolve);
    this.#agent?.send(JSON.stringify({ type: 'dial', ticket, client: address, resumable }));
    return promise;
  }

  /** Resolves when the agent has read all that was ordered. */
  async seen(): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined) throw new Error('no agent is linked');
    const pong = once(agent, 'pong');
    agent.ping();
    await pong;
  }

  /** Cuts what carries the clients of `clientUrl`, as the death of a relay does. */
  cutClients(): void {
    for (const socket of this.#joined) socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#door.close();
    this.#server.close();
    await Promise.all([once(this.#server, 'close'), once(this.#door, 'close')]);
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #take(link: WebSocket, path: string, resumable: boolean): void {
    if (AGENT_PATH.test(path)) {
      this.#agent = link;
      const welcome = { type: 'welcome', id: 'job', epoch: 1, pod: 'pod', publicUrl: 'https://relay.test' };
      link.send(JSON.stringify(welcome));
      return;
    }
    const [, ticket] = STREAM_PATH.exec(path) ?? [];
    if (ticket === undefined) return void this.#join(link, resumable);
    this.streams.add(link);
    this.opened += 1;
    this.peak = Math.max(this.peak, this.streams.size);
    link.on('close', () => this.streams.delete(link));
    this.#wanted.get(ticket)?.(link);
    this.#wanted.delete(ticket);
  }

  async #join(client: WebSocket, resumable: boolean): Promise<void> {
    this.clients += 1;
    const early: Buffer[] = [];
    const keepEarly = (data: Buffer): void => void early.push(data);
    client.on('message', keepEarly);
    const stream = await this.dial(this.clientAddress, resumable);
    client.off('message', keepEarly);
    for (const data of early) stream.send(data);
    for (const [from, to] of [
      [client, stream],
      [stream, client],
    ] as const) {
      this.#joined.add(from);
      from.on('message', (data: Buffer) => to.send(data));
      from.on('close', (code) => {
        this.#joined.delete(from);
        if (code === 1006) to.terminate();
        else to.close(code === 1005 ? 1000 : code);
      });
    }
  }

  async #letIn(socket: Socket): Promise<void> {
    this.#keep(socket);
    // As long as by a relay.
    const impatience = setTimeout(() => socket.destroy(), AGENT_DIAL_TIMEOUT_MS);
    const link = await this.dial(this.clientAddress);
    clearTimeout(impatience);
    const stream = createWebSocketStream(link);
    stream.on('error', () => socket.destroy());
    socket.on('close', () => stream.destroy());
    socket.pipe(stream).pipe(socket);
  }
}

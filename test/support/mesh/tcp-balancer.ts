// A TCP balancer: round robin over relays, as an ingress does it; it can drop everything at once, or be unreachable.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Somewhere to send connections. */
export interface BalancerTarget {
  readonly port: number;
  /** False: it gets no new connections. */
  isReady(): Promise<boolean>;
}

export class TcpBalancer implements AsyncDisposable {
  readonly #targets: readonly BalancerTarget[];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => {
    void this.#serve(socket);
  });
  #turn = 0;
  #isReachable = true;
  #port = 0;

  constructor(targets: readonly BalancerTarget[]) {
    this.#targets = targets;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Drops every connection, as an ingress that reloads; new ones are taken at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From here on every connection is dropped, until `restore`. */
  vanish(): void {
    this.#isReachable = false;
    this.cut();
  }

  restore(): void {
    this.#isReachable = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.vanish();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(near: Socket): Promise<void> {
    this.#keep(near);
    const far = await this.#connect();
    if (far === undefined || near.destroyed) {
      near.destroy();
      far?.destroy();
      return;
    }
    near.pipe(far);
    far.pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.once('close', () => {
        if (!other.writableFinished) other.destroy();
      });
    }
  }

  /** The next target that is ready and takes the connection; undefined if none does. */
  async #connect(): Promise<Socket | undefined> {
    const start = this.#turn;
    this.#turn += 1;
    for (let step = 0; step < this.#targets.length; step += 1) {
      const target = this.#targets[(start + step) % this.#targets.length];
      if (target === undefined || !this.#isReachable || !(await target.isReady())) continue;
      const socket = connect({ host: '127.0.0.1', port: target.port, allowHalfOpen: true });
      this.#keep(socket);
      try {
        await once(socket, 'connect');
        return socket;
      } catch {
        // It refused: the next one may not.
      }
    }
    return undefined;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    if (!this.#isReachable) socket.destroy();
  }
}

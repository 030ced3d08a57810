// A balancer that has not noticed yet which pods are gone: the connections that come first lead nowhere, each in its way.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What becomes of a connection: `http`: that is answered to its request. */
export type Flaw =
  | { readonly kind: 'reset_at_once' }
  | { readonly kind: 'reset_when_asked' }
  | { readonly kind: 'closed_when_asked' }
  | { readonly kind: 'http'; readonly head: string; readonly body: string };

export class FlawedBalancer implements AsyncDisposable {
  readonly #flaws: Flaw[];
  readonly #targetPort: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));

  /** The first connections meet `flaws`, one each; all later ones are led to `targetPort`. */
  constructor(flaws: readonly Flaw[], targetPort: number) {
    this.#flaws = [...flaws];
    this.#targetPort = targetPort;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many flaws nobody has met yet. */
  get left(): number {
    return this.#flaws.length;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(near: Socket): void {
    this.#keep(near);
    const flaw = this.#flaws.shift();
    switch (flaw?.kind) {
      case undefined: {
        const far = connect({ host: '127.0.0.1', port: this.#targetPort, allowHalfOpen: true });
        this.#keep(far);
        near.pipe(far).pipe(near);
        return;
      }
      case 'reset_at_once':
        near.resetAndDestroy();
        return;
      case 'reset_when_asked':
        near.once('data', () => near.resetAndDestroy());
        return;
      case 'closed_when_asked':
        near.once('data', () => near.end());
        return;
      case 'http':
        near.once('data', () => {
          near.end(`HTTP/1.1 ${flaw.head}\r\nContent-Length: ${flaw.body.length}\r\n\r\n${flaw.body}`);
        });
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

// The SSH server: serves streams, wherever they come from; it listens nowhere.
import type { Duplex } from 'node:stream';
import { SshConnection } from './connection.ts';
import type { Client, ClientInfo, SshServerOptions } from './ssh-options.ts';

/** Connections that have not logged in yet; more are cut. With the failure delay it also bounds guesses per second. */
export const UNAUTHENTICATED_MAX = 64;
/** How long `stop` waits for connections to say goodbye before it drops them. */
export const STOP_TIMEOUT_MS = 3_000;

export interface SshServer {
  /** Serves one stream until it ends; owns it from here. `id` and `address` are for events and SSH_CONNECTION. */
  serve(duplex: Duplex, client: Client): void;
  /** Who is logged in. */
  clients(): ClientInfo[];
  /** Shows text at every terminal; sessions without one (exec, sftp) never see it. */
  notify(text: string): void;
  /** Shows `reason` at every terminal, closes everything, resolves when it is closed. May be called twice. */
  stop(reason: string): Promise<void>;
}

/** Nothing is opened before the first `serve`. */
export function createSshServer(options: SshServerOptions): SshServer {
  const connections = new Set<SshConnection>();
  let stopping: { readonly done: Promise<void>; check(): void } | undefined;

  function unauthenticated(): number {
    let count = 0;
    for (const connection of connections) if (!connection.isAuthenticated) count++;
    return count;
  }

  function waitUntilEmpty(): { done: Promise<void>; check(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = options.clock.after(STOP_TIMEOUT_MS, () => {
      for (const connection of connections) connection.destroy();
    });
    const check = (): void => {
      if (connections.size > 0) return;
      cancel();
      resolve();
    };
    return { done: promise, check };
  }

  return {
    serve(duplex, client) {
      if (stopping !== undefined || unauthenticated() >= UNAUTHENTICATED_MAX) {
        const reason = stopping === undefined ? 'too many connections without a login' : 'stopping';
        options.events.log?.('connection refused', { clientId: client.id, address: client.address, reason });
        duplex.on('error', () => {}); // nobody is interested any more
        duplex.destroy();
        return;
      }
      const connection = new SshConnection({
        duplex,
        client,
        server: options,
        onClosed() {
          connections.delete(connection);
          stopping?.check();
        },
      });
      connections.add(connection);
    },
    clients() {
      return [...connections].flatMap((connection) => connection.client ?? []);
    },
    notify(text) {
      for (const connection of connections) connection.notify(text);
    },
    stop(reason) {
      if (stopping === undefined) {
        stopping = waitUntilEmpty();
        for (const connection of connections) connection.close(reason);
        stopping.check();
      }
      return stopping.done;
    },
  };
}

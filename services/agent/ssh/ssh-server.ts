// The SSH server: serves streams, wherever they come from; it listens nowhere.
import type { Duplex } from 'node:stream';
import type { Client } from '../crowd/client.ts';
import { Crowd } from '../crowd/crowd.ts';
import { LOGIN_CROWD } from '../crowd/login-limits.ts';
import { SshConnection } from './connection.ts';
import type { PresentClient, SshEnd, SshServerOptions } from './ssh-options.ts';

/** How long `stop` waits for connections to say goodbye before it drops them. */
export const STOP_TIMEOUT_MS = 3_000;

/** One server for all streams of an agent. */
export interface SshServer {
  /** Serves one stream until it ends; owns it from here. `id` and `address` are for events and SSH_CONNECTION. */
  serve(duplex: Duplex, client: Client): void;
  /** Who is logged in. */
  clients(): PresentClient[];
  /** Shows text at every terminal; sessions without one (exec, sftp) never see it. */
  notify(text: string): void;
  /** The same in interactive shells alone. */
  notifyShells(text: string): void;
  /** Says so to everybody, closes everything, resolves when it is closed. May be called twice. */
  stop(end: SshEnd): Promise<void>;
}

/** Nothing is opened before the first `serve`. */
export function createSshServer(options: SshServerOptions): SshServer {
  const connections = new Set<SshConnection>();
  const { clock, random, events } = options;
  const crowd = new Crowd({ limits: LOGIN_CROWD, clock, random });
  let stopping: { readonly done: Promise<void>; check(): void } | undefined;

  function turnAway(duplex: Duplex, { discard }: Client): void {
    duplex.on('error', () => {}); // nobody is interested any more
    duplex.destroy();
    discard?.();
  }

  function waitUntilEmpty(): { done: Promise<void>; check(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(STOP_TIMEOUT_MS, () => {
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
      const { id: clientId, address } = client;
      if (stopping !== undefined) {
        events.log?.('connection refused', { clientId, address, reason: 'stopping' });
        return turnAway(duplex, client);
      }
      const place = crowd.enter({
        address,
        known: options.attendance.loggedInFrom(address),
        onEvicted() {
          connection.evict();
          events.turnedAway({ clientId, address });
        },
      });
      if (place === undefined) {
        events.turnedAway({ clientId, address });
        return turnAway(duplex, client);
      }
      const connection = new SshConnection({
        duplex,
        client,
        server: options,
        place,
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
    notifyShells(text) {
      for (const connection of connections) connection.notifyShells(text);
    },
    stop(end) {
      if (stopping === undefined) {
        stopping = waitUntilEmpty();
        for (const connection of connections) connection.close(end);
        stopping.check();
      }
      return stopping.done;
    },
  };
}

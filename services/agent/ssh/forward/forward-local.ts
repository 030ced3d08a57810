// Local forwarding (-L, -D, -W): the client opens a channel, this side dials. RFC 4254 section 7.2, OpenSSH PROTOCOL 2.4.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { AcceptConnection, RejectConnection, ServerChannel } from 'ssh2';
import { OPEN_FAILURE, refuseOpen } from '../ssh2/open-failure.ts';
import type { ForwardStreams } from './forward-context.ts';

/** In milliseconds. A host that drops packets would hold the channel for the kernel's two minutes otherwise. */
const FORWARD_DIAL_TIMEOUT_MS = 30_000;

/** Lets the client dial from here. Returns its stop, which drops the dials under way and leaves open streams alone. */
export function serveLocalForwards(streams: ForwardStreams): () => void {
  const { connection, clock, log, onAsked } = streams.context;
  const dialling = new Set<() => void>();

  function dial(
    target: NetConnectOpts,
    fields: Record<string, unknown>,
    accept: AcceptConnection<ServerChannel>,
    reject: RejectConnection,
  ): void {
    const refuseDial = (error: Error): void => {
      log('forward failed', { ...fields, error: error.message });
      refuseOpen(connection, reject, OPEN_FAILURE.CONNECT_FAILED, error.message || 'connection refused');
    };
    const place = streams.reserve('ports');
    if (place !== 'reserved') {
      streams.refuse(reject, place, fields);
      return;
    }
    const socket = dialSocket(target);
    if (socket instanceof Error) {
      streams.giveUp();
      refuseDial(socket);
      return;
    }
    const settle = (): void => {
      cancelTimeout();
      dialling.delete(drop);
      socket.off('error', fail);
    };
    const drop = (): void => {
      settle();
      streams.giveUp();
      socket.on('error', () => {}); // whatever comes now, nobody waits for it
      socket.destroy();
    };
    const fail = (error: Error): void => {
      drop();
      refuseDial(error);
    };
    const cancelTimeout = clock.after(FORWARD_DIAL_TIMEOUT_MS, () => {
      fail(new Error('connection timed out'));
    });
    dialling.add(drop);
    socket.once('error', fail);
    socket.once('connect', () => {
      settle();
      streams.join(socket, accept());
    });
  }

  connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
    onAsked({ direction: 'local', host: destIP, port: destPort });
    dial({ host: destIP, port: destPort }, { host: destIP, port: destPort }, accept, reject);
  });
  connection.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
    onAsked({ direction: 'local', path: socketPath });
    dial({ path: socketPath }, { path: socketPath }, accept, reject);
  });
  return () => {
    for (const drop of dialling) drop();
  };
}

/** For an impossible target, such as port 70000, the error that Node throws. */
function dialSocket(target: NetConnectOpts): Socket | Error {
  try {
    return connect({ ...target, allowHalfOpen: true, noDelay: true });
  } catch (error) {
    return error as Error;
  }
}

// The SFTP server: serves version 3 with OpenSSH's extensions on one channel, whatever carries it.

import type { Duplex } from 'node:stream';
import { type SftpEnd, type SftpOptions, SftpSession } from './sftp-session.ts';

export interface SftpService {
  /**
   * Settles when the session is over and every handle is closed; never rejects. One turn later the channel is ended
   * from this side, so that its owner can send an exit status first.
   */
  done: Promise<SftpEnd>;
  /** Drops what has not begun and ends; may be called twice. */
  stop(): void;
}

/**
 * Serves the file system as this process sees it (its user, its umask) to the client of `channel`, until either side
 * ends. Limits are in limits.ts. Protocol: draft-ietf-secsh-filexfer-02, and section 4 of OpenSSH's PROTOCOL.
 */
export function serveSftp(channel: Duplex, options: SftpOptions): SftpService {
  const session = new SftpSession(channel, options);
  session.start();
  const done = session.done.then((end) => {
    setImmediate(() => {
      if (!channel.writableEnded) {
        channel.end();
      }
    });
    return end;
  });
  return { done, stop: () => session.stop() };
}

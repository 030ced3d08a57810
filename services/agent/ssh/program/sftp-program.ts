// SFTP as a program of a session channel: it has no process, no terminal and no signals.
import type { ServerChannel } from 'ssh2';
import { serveSftp } from '../../sftp/sftp-connection.ts';
import type { TransportGate } from '../channel/transport-gate.ts';
import type { Program } from './program.ts';

export interface SftpProgramOptions {
  readonly channel: ServerChannel;
  readonly gate: TransportGate;
  readonly cwd: string;
  readonly home: string;
  readonly onActivity: () => void;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** Serves SFTP on a channel and closes it with exit-status 0 when the client is done. */
export function startSftpProgram(options: SftpProgramOptions): Program {
  const { channel, gate, cwd, home, onActivity, log } = options;
  let gone = false;
  channel.on('error', () => {
    gone = true;
  });
  const service = serveSftp(channel, { cwd, home, transport: gate, onActivity, log });
  void service.done.then(() => {
    if (gone) return;
    channel.exit(0);
    channel.end();
  });
  return {
    hasStarted: true,
    resize() {},
    signal() {},
    notify() {},
    readerLeft() {},
    close() {
      service.stop();
    },
    hangUp() {
      gone = true;
      service.stop();
    },
  };
}

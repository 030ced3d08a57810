// SFTP as a program of a session channel: it has no process, no terminal and no signals.
import type { ServerChannel } from 'ssh2';
import type { JobFiles } from '../../platform/job-files.ts';
import { serveSftp } from '../../sftp/sftp-connection.ts';
import type { ProcessExit } from '../channel/process-exit.ts';
import type { TransportGate } from '../channel/transport-gate.ts';
import type { Program } from './program.ts';

export interface SftpProgramOptions {
  readonly channel: ServerChannel;
  readonly gate: TransportGate;
  readonly files: JobFiles;
  readonly cwd: string;
  readonly home: string;
  readonly onActivity: () => void;
  /** A request about a path; left out where nobody wants to know. */
  readonly onFile?: ((request: string, path: string) => void) | undefined;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** Serves SFTP on a channel and closes it with exit-status 0 when the client is done. */
export function startSftpProgram(options: SftpProgramOptions): Program {
  const { channel, gate, files, cwd, home, onActivity, onFile, log } = options;
  let gone = false;
  let exit: ProcessExit | undefined;
  channel.on('error', () => {
    gone = true;
  });
  const service = serveSftp(channel, { files, cwd, home, transport: gate, onActivity, onFile, log });
  void service.done.then(() => {
    if (gone) return;
    exit = { kind: 'code', code: 0 };
    channel.exit(0);
    channel.end();
  });
  return {
    hasStarted: true,
    get account() {
      const { bytesRead: sent, bytesWritten: received } = service.traffic;
      return { received, sent, exit };
    },
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

// The sink beside the log: audit lines go where the lines of the log go, in one order with them.
import type { LogOutput } from '../log/log-output.ts';
import type { AuditSink } from './audit-sink.ts';

/** Whoever owns `output` writes its last lines; a line that it drops is lost. */
export function sinkBesideLog(output: Pick<LogOutput, 'write' | 'dropped'>): AuditSink {
  return {
    write(line) {
      const before = output.dropped;
      output.write(line);
      return output.dropped === before;
    },
    waitingBytes: 0,
    reopen: () => undefined,
    close: () => Promise.resolve(0),
  };
}

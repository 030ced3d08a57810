// The occupation of a client: what runs for it at this moment, as numbers.

export interface Occupation {
  /** Interactive shells, on a terminal or not. */
  readonly shells: number;
  readonly commands: number;
  /** SFTP, which `scp` speaks too. */
  readonly fileTransfers: number;
  /** Forwarded streams, and ports and sockets that are listened on for it. */
  readonly forwards: number;
}

/** What a session channel runs. */
export type Running = 'shell' | 'command' | 'sftp';

/** What `running` and `forwards` come to. */
export function occupationFrom(running: readonly Running[], forwards: number): Occupation {
  const count = (what: Running): number => running.filter((each) => each === what).length;
  return {
    shells: count('shell'),
    commands: count('command'),
    fileTransfers: count('sftp'),
    forwards,
  };
}

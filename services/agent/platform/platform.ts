// The platform: what differs between the systems that a job may run on, one member for each thing.
import type { AgentSocket } from './agent-socket.ts';
import type { CommandPlace } from './command-place.ts';
import type { JobFiles } from './job-files.ts';
import type { Programs } from './programs.ts';
import type { Shells } from './shells.ts';

export interface Platform {
  readonly programs: Programs;
  readonly shells: Shells;
  readonly files: JobFiles;
  readonly commandPlace: CommandPlace;
  /** Makes room for one more socket. Throws what the file system says. */
  makeAgentSocket(): AgentSocket;
  /** Gives the system what nothing uses of this process' memory, where that can be asked for. Nothing else happens meanwhile. */
  giveMemoryBack(): void;
}

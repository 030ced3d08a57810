// The surroundings of an agent: what its process gives it.

import type { PrintableLine } from '#shared/text/printable.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Mask } from '#shared/websocket/mask.ts';
import type { Environment } from './job/environment.ts';

export interface AgentSurroundings {
  readonly env: Environment;
  /** The same in bytes, as the kernel keeps it; undefined where it does not. */
  readonly environmentBlock?: Buffer | undefined;
  readonly cwd: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly temporaryDirectory: string;
  /** The words that start this program again, for the command in the sessions. */
  readonly program: readonly string[];
  readonly proxy: URL | undefined;
  /** Of what the streams send. */
  readonly mask: Mask;
  /** Takes a line of the job log. */
  readonly print: (line: PrintableLine) => void;
  /** Takes a line about something that is wrong. */
  readonly complain: (line: string) => void;
}

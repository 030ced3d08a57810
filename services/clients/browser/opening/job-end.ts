// Job ends: why a job that was open is over, from the fault of its connection.
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import type { JobEnd } from '../job/job-options.ts';
import type { SshFault } from '../ssh/wire/ssh-fault.ts';

/** `line`: how the way to the agent ended, where that was first. */
export function endFrom(fault: SshFault, line: StreamEnd | undefined): JobEnd {
  const sentence = fault.message;
  if (fault.code === 'closed') return { kind: 'closed', sentence };
  if (fault.code === 'disconnected') return { kind: 'ended', sentence };
  if (fault.code !== 'lost') return { kind: 'broken', sentence };
  return { kind: CLOSE_REASONS[line?.reason ?? 'lost'].kind, sentence };
}

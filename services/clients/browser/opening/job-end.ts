// Job ends: why a job that was open is over, from the fault of its connection.
import { CLOSE_REASONS, type CloseReason } from '#shared/protocol/close-reasons.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import type { JobEnd } from '../job/job-options.ts';
import type { SshFault } from '../ssh/wire/ssh-fault.ts';

/**
 * `line`: how the way to the agent ended, where that was first. Only what came through SSH is the job's own word: a relay can end
 * the line with any reason.
 */
export function endFrom(fault: SshFault, line: StreamEnd | undefined): JobEnd {
  const sentence = fault.message;
  if (fault.code === 'closed') return { kind: 'closed', sentence };
  if (fault.code === 'disconnected') {
    const said = fault.said?.printable() ?? '';
    return { kind: 'ended', sentence: said === '' ? 'it does not say why' : said };
  }
  if (fault.code !== 'lost') return { kind: 'broken', sentence };
  const reason: CloseReason = line?.reason ?? 'lost';
  const { kind } = CLOSE_REASONS[reason];
  if (kind !== 'ended') return { kind, sentence };
  return { kind: 'cut', sentence: reason === 'ended' ? 'the job did not say that it ends' : sentence };
}

// Job ends: why a job that was open is over, from the fault of its connection.
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import type { JobEnd } from '../job/job-options.ts';
import type { SshFault } from '../ssh/wire/ssh-fault.ts';

/** `line`: how the way to the agent ended, where that was first. */
export function endFrom(fault: SshFault, line: StreamEnd | undefined): JobEnd {
  const sentence = fault.message;
  if (fault.code === 'closed') return { kind: 'closed', sentence };
  if (fault.code === 'disconnected') return { kind: 'ended', sentence };
  if (fault.code !== 'lost') return { kind: 'broken', sentence };
  return { kind: kindOf(line), sentence };
}

function kindOf(line: StreamEnd | undefined): JobEnd['kind'] {
  switch (line?.reason) {
    case 'ended':
    case 'agent_gone':
    case 'expired':
    case 'superseded':
    case 'ended_by_operator':
    case 'going_away':
    case 'restart':
      return 'ended';
    case undefined:
    case 'lost':
    case 'unanswered_ping':
    case 'stuck':
    case 'over_budget':
      return 'lost';
    case 'fault':
    case 'bad_frame':
    case 'too_big':
    case 'text_on_stream':
    case 'not_json':
      return 'broken';
  }
}

// What the intake of streams reports: into the job log, to the SSH server, and on to the relay, which counts what resumed.
import type { StrangerLog } from '../notices/stranger-log.ts';
import type { RelayLink } from '../relay/relay-link.ts';
import { resumptionFrom } from '../relay/resumption.ts';
import type { StreamEvents } from '../relay/stream-intake.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import type { MemoryReturn } from './memory-return.ts';

export interface StreamEventsOptions {
  readonly strangers: StrangerLog;
  readonly link: RelayLink;
  readonly ssh: SshServer;
  readonly memory: Pick<MemoryReturn, 'moved'>;
}

/** The events of an intake whose streams `ssh` serves. */
export function streamEventsFrom({ strangers, link, ssh, memory }: StreamEventsOptions): StreamEvents {
  return {
    onStream(duplex, client) {
      strangers.tell({ kind: 'connected', address: client.address }, client.address);
      ssh.serve(duplex, client);
    },
    onMoved(bytes) {
      memory.moved(bytes);
    },
    onEvent(event, address) {
      if (event.kind !== 'opened' && event.kind !== 'finished') {
        strangers.tell({ kind: 'resume', event, address }, address);
      }
      const resumption = resumptionFrom(event);
      if (resumption !== undefined) link.tell(resumption);
      link.statusChanged();
    },
    onTurnedAway(address) {
      strangers.turnedAway(address);
    },
    onFailed(detail, address) {
      const text = `could not open the stream for ${address}: ${detail}`;
      strangers.tell({ kind: 'note', text }, address);
    },
  };
}

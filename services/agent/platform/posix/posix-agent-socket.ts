// A unix socket in a folder of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inFirstFolder } from '#shared/machine/first-folder.ts';
import { temporaryFolders } from '#shared/machine/temporary-folders.ts';
import type { AgentSocket } from '../agent-socket.ts';

export function makeUnixSocketPlace(): AgentSocket {
  const first = inFirstFolder(temporaryFolders(tmpdir()), makeIn);
  if (first.kind === 'none') throw new Error(first.detail);
  return first.made;
}

function makeIn(parent: string): AgentSocket {
  const folder = mkdtempSync(path.join(parent, 'converge-ssh-')); // 0700: only this user reaches the socket
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  // Too long a path, or a file system without sockets: the reason would come as an event, too late for the next place.
  const probe = createServer().on('error', () => {});
  probe.listen(path.join(folder, 'probe'));
  const takesSockets = probe.listening;
  probe.close();
  if (!takesSockets) {
    remove();
    throw new Error('takes no socket');
  }
  return { address: path.join(folder, 'agent'), remove };
}

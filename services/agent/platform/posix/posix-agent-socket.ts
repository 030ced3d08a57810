// A unix socket in a folder of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AgentSocket } from '../agent-socket.ts';

export function makeUnixSocketPlace(): AgentSocket {
  const folder = mkdtempSync(path.join(tmpdir(), 'converge-ssh-')); // 0700: only this user reaches the socket
  return {
    address: path.join(folder, 'agent'),
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

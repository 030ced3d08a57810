// The ports that a process listens on, as the kernel has them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** TCP_LISTEN, as /proc/net/tcp writes it. */
const LISTENING = '0A';

/** Local address and port in hex, sorted. */
export function listeningSockets(pid: number): string[] {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => inodeOf(`/proc/${pid}/fd/${fd}`)));
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTENING && inodes.has(inode))
    .map(([, local = '']) => local)
    .sort();
}

function inodeOf(link: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1];
  } catch {
    // It was closed meanwhile.
    return undefined;
  }
}

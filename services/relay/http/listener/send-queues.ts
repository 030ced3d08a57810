// Send queues: how much the kernel still holds for the peers of a port, connection by connection.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** Linux's tables of connections (proc_pid_net(5)): of IPv4, and of IPv6 with the IPv4 ones of a dual-stack listener. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];

/** Local and remote port in hexadecimal, the state, and the queue of what the peer has not acknowledged. */
const ROW = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/;

/**
 * Bytes that wait in the kernel, by the remote port; peers with the same remote port are added up. Empty where there are
 * no such tables (macOS). Never rejects.
 */
export async function readSendQueues(localPort: number): Promise<ReadonlyMap<number, number>> {
  const queues = new Map<number, number>();
  const ours = localPort.toString(16).toUpperCase().padStart(4, '0');
  for (const path of TABLES) {
    try {
      // Line by line, so that a pod with 10,000 connections does not stop for it.
      for await (const line of createInterface({ input: createReadStream(path) })) {
        const [, local, remote = '', bytes = ''] = ROW.exec(line) ?? [];
        if (local !== ours) continue;
        const port = Number.parseInt(remote, 16);
        queues.set(port, (queues.get(port) ?? 0) + Number.parseInt(bytes, 16));
      }
    } catch {
      // Not Linux, or no /proc: the queues of Node's own are all that is known.
    }
  }
  return queues;
}

// An ingress for people who have none: a local port whose connections go round the ready relay pods, by kubectl port-forward.
import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { until } from '../support/time/poll.ts';
import type { ClusterRelease } from './cluster.ts';

const LOOK_EVERY_MS = 500;
const REACHED_WITHIN_MS = 60_000;
const FORWARDING = /^Forwarding from 127\.0\.0\.1:(\d+) ->/;

interface Forward {
  readonly child: ChildProcess;
  /** Undefined until kubectl has said it. */
  port: number | undefined;
}

export interface ClusterIngress extends AsyncDisposable {
  /** `ws://127.0.0.1:PORT`. */
  readonly url: string;
}

/** Opens it, with a way to `pods` pods at least. */
export async function openIngress(release: ClusterRelease, pods: number): Promise<ClusterIngress> {
  const forwards = new Map<string, Forward>();
  const sockets = new Set<Socket>();
  let turn = 0;

  async function look(): Promise<void> {
    const ready = await release.readyPods().catch(() => [...forwards.keys()]);
    for (const pod of ready) if (!forwards.has(pod)) forwards.set(pod, startForward(pod));
    for (const [pod, { child }] of forwards) {
      if (ready.includes(pod)) continue;
      // No new connections; those that are there end with the pod.
      forwards.delete(pod);
      leaving.add(child);
    }
  }

  function startForward(pod: string): Forward {
    const args = ['--namespace', release.namespace, 'port-forward', `pod/${pod}`, ':8080'];
    const child = spawn(release.kubectlFile, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const forward: Forward = { child, port: undefined };
    createInterface(child.stdout).on('line', (line) => {
      const [, port] = FORWARDING.exec(line) ?? [];
      if (port !== undefined) forward.port = Number(port);
    });
    child.on('exit', () => {
      if (forwards.get(pod) === forward) forwards.delete(pod);
      leaving.delete(child);
    });
    return forward;
  }

  const leaving = new Set<ChildProcess>();
  const server = createServer((near) => {
    const ports = [...forwards.values()].flatMap(({ port }) => (port === undefined ? [] : [port]));
    const port = ports[turn++ % Math.max(ports.length, 1)];
    if (port === undefined) return near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  let looking = look();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOK_EVERY_MS);
  const reached = () => [...forwards.values()].filter(({ port }) => port !== undefined).length >= pods;
  try {
    await until(`${pods} pods are reached`, reached, REACHED_WITHIN_MS);
  } catch (error) {
    await close();
    throw error;
  }

  async function close(): Promise<void> {
    clearInterval(timer);
    await looking;
    for (const socket of sockets) socket.destroy();
    for (const child of [...leaving, ...[...forwards.values()].map((forward) => forward.child)]) child.kill();
    server.close();
  }

  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: close,
  };
}

// A lane: sessions from a load, through processes that are measured, back to the load.
import { type Load, type Pouring, startLoad } from './load.ts';
import type { BenchPod } from './pod.ts';
import {
  type Reference,
  startHaproxy,
  startKernelSplice,
  startMessages,
  startNginx,
  startPipe,
} from './reference.ts';
import { threadNanoseconds } from './usage.ts';

export interface Cost {
  /** CPU seconds of what is measured, for each GB. */
  readonly cpu: number;
  /** Of that, the thread with most. */
  readonly busiest: number;
  /** Payload that came, of all sessions together. */
  readonly mbPerSecond: number;
}

/** What a source writes in one piece. */
export interface Writes {
  readonly payloadBytes: number;
  readonly framesPerWrite?: number;
}

export class Lane {
  readonly name: string;
  readonly #sessions: number;
  readonly #load: Load;
  readonly #pids: readonly number[];
  readonly #mask: Pouring['mask'];

  constructor(
    name: string,
    sessions: number,
    load: Load,
    pids: readonly number[],
    mask: Pouring['mask'] = 'zero',
  ) {
    this.name = name;
    this.#sessions = sessions;
    this.#load = load;
    this.#pids = pids;
    this.#mask = mask;
  }

  /** Moves about `bytes` in all, as many in each session. */
  async cost({ payloadBytes, framesPerWrite = 1 }: Writes, bytes: number): Promise<Cost> {
    const perWrite = payloadBytes * framesPerWrite;
    const writes = Math.ceil(bytes / perWrite / this.#sessions);
    const before = await this.#threads();
    const seconds = await this.#load.run({ payloadBytes, framesPerWrite, writes, mask: this.#mask });
    const after = await this.#threads();
    const spent = [...after].map(([thread, nanoseconds]) => nanoseconds - (before.get(thread) ?? 0));
    const moved = writes * perWrite * this.#sessions;
    // Nanoseconds for each byte are seconds for each GB.
    const cpu = spent.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / moved;
    return { cpu, busiest: Math.max(...spent) / moved, mbPerSecond: moved / 1e6 / seconds };
  }

  async #threads(): Promise<ReadonlyMap<string, number>> {
    const all = await Promise.all(this.#pids.map(threadNanoseconds));
    return new Map(all.flatMap((threads) => [...threads]));
  }
}

/** What stands beside ours: proxies of TCP, of WebSockets, and a relay that assembles messages. */
const PROXIES = {
  splice: { kind: 'raw', start: startKernelSplice },
  pipe: { kind: 'raw', start: startPipe },
  nginx: { kind: 'proxied', start: startNginx },
  haproxy: { kind: 'proxied', start: startHaproxy },
} as const satisfies Record<string, { kind: 'raw' | 'proxied'; start: (port: number) => Promise<Reference> }>;

export async function openProxyLane(
  stack: AsyncDisposableStack,
  name: keyof typeof PROXIES,
  sessions: number,
): Promise<Lane> {
  const { kind, start } = PROXIES[name];
  const load = stack.use(await startLoad(kind));
  const proxy = stack.use(await start(await load.port()));
  await load.openPairs(proxy.port, sessions);
  return new Lane(name, sessions, load, [proxy.pid]);
}

/** One session: `ws` joins each two connections. */
export async function openMessagesLane(stack: AsyncDisposableStack): Promise<Lane> {
  const relay = stack.use(await startMessages('joined'));
  const load = stack.use(await startLoad('relayed'));
  await load.openJoined(relay.port);
  return new Lane('ws', 1, load, [relay.pid], 'random');
}

export interface PodLane {
  readonly name: string;
  /** The agents are on the first, the clients on the last: with two there is a hop between. */
  readonly pods: readonly [BenchPod, ...BenchPod[]];
  readonly sessions?: number;
  readonly mask?: Pouring['mask'];
  /** Where the load runs, as taskset(1) takes it. */
  readonly cpus?: string;
}

export async function openPodLane(
  stack: AsyncDisposableStack,
  { name, pods, sessions = 1, mask = 'zero', cpus }: PodLane,
): Promise<Lane> {
  const [first] = pods;
  const last = pods.at(-1) ?? first;
  const load = stack.use(await startLoad('relayed', cpus));
  await load.openSessions(stack, { name, agentPort: first.port, clientPort: last.port, count: sessions });
  const pids = pods.map(({ pid }) => pid);
  return new Lane(name, sessions, load, pids, mask);
}

// A relay under attack: a process of its own from the sources, and a bystander who must notice nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { EchoAgent } from './echo-agent.ts';
import { type EchoSession, openPlainSession } from './echo-session.ts';
import { sumOf } from './exposition.ts';

/** Where liveness would count a failure: deploy/helm/converge/templates/deployment.yaml. */
const HEALTH_WITHIN_MS = 5_000;

const BYSTANDER_BYTES = 256 * 1024;

/** On SIGUSR2 it collects its garbage, so that what is alive can be told from what is not. */
const COLLECT_ON_SIGNAL = `data:text/javascript,${encodeURIComponent("process.on('SIGUSR2', () => gc())")}`;

export interface AttackedRelay extends AsyncDisposable {
  readonly port: number;
  readonly internalPort: number;
  readonly metric: (series: string) => Promise<number>;
  /** Resident memory, in bytes. */
  readonly resident: () => Promise<number>;
  /** Has it collect its garbage, soon. */
  readonly collect: () => void;
}

/** The limits per address hold for loopback too, so that 127.0.0.2 can play one stranger and 127.0.0.1 everybody else. */
export async function startAttackedRelay(env: Readonly<Record<string, string>> = {}): Promise<AttackedRelay> {
  const flags = ['--expose-gc', '--import', COLLECT_ON_SIGNAL];
  const child = spawn(process.execPath, [...flags, 'services/relay/main.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: '0',
      INTERNAL_PORT: '0',
      LIMIT_PRIVATE_ADDRESSES: 'true',
      ...env,
    },
  });
  const ended = once(child, 'close');
  const ports: Partial<Record<'public' | 'internal', number>> = {};
  for await (const line of createInterface(child.stdout)) {
    const { listener, port } = JSON.parse(line) as { listener?: 'public' | 'internal'; port?: number };
    if (listener !== undefined && port !== undefined) ports[listener] = port;
    if (ports.public !== undefined && ports.internal !== undefined) break;
  }
  const { public: port, internal: internalPort } = ports;
  if (port === undefined || internalPort === undefined) throw new Error('the relay ended before it listened');
  child.stdout.resume();
  return {
    port,
    internalPort,
    async metric(series) {
      const answer = await fetch(`http://127.0.0.1:${internalPort}/metrics`);
      return sumOf(await answer.text(), series);
    },
    async resident() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    collect() {
      child.kill('SIGUSR2');
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

type Attacked = Pick<AttackedRelay, 'port' | 'internalPort'>;

/** Somebody with a job and a session to it, from 127.0.0.1. */
export class Bystander implements AsyncDisposable {
  readonly #relay: Attacked;
  readonly #agent: EchoAgent;
  readonly #session: EchoSession;

  private constructor(relay: Attacked, agent: EchoAgent, session: EchoSession) {
    this.#relay = relay;
    this.#agent = agent;
    this.#session = session;
  }

  static async arrive(relay: Attacked): Promise<Bystander> {
    const agent = new EchoAgent({ id: 'bystander', linkPort: relay.port });
    await agent.linked();
    return new Bystander(relay, agent, await openPlainSession(relay.port, 'bystander'));
  }

  /** The session goes on, a new one and a new agent are let in, and the relay says that it is well. @throws Error if not */
  async check(): Promise<void> {
    await this.#session.exchange(BYSTANDER_BYTES);
    using another = await openPlainSession(this.#relay.port, 'bystander');
    await another.exchange(BYSTANDER_BYTES);
    await using agent = new EchoAgent({
      id: `bystander-${process.hrtime.bigint()}`,
      linkPort: this.#relay.port,
    });
    await agent.linked();
    const health = await fetch(`http://127.0.0.1:${this.#relay.internalPort}/healthz`, {
      signal: AbortSignal.timeout(HEALTH_WITHIN_MS),
    });
    if (!health.ok) throw new Error(`/healthz answered ${health.status}`);
    if (this.#agent.losses.length > 0)
      throw new Error(`the agent lost its link: ${this.#agent.losses.join()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session[Symbol.dispose]();
    await this.#agent[Symbol.asyncDispose]();
  }
}

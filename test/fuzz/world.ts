// The world of the fuzz: a relay, an agent and a good session, each in a process of its own, and where attackers find them.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE_FLAGS } from '#shared/machine/runtime-flags.ts';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { holdFolder } from '../support/machine/held-folder.ts';
import { sumOf } from '../support/relay/exposition.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';
import { until } from '../support/time/poll.ts';
import { GoodSession } from './good-session.ts';
import { ProbedProcess } from './probed-process.ts';

/** Known to the attackers too: what is behind the signature of a peer must hold as well. */
export const CLUSTER_SECRET = 'a-secret-of-the-fuzz-that-opens-nothing';
export const AGENT_ID = 'job';

/**
 * A mutated path must not reach anything of this machine: Node itself keeps the agent to its folder. The programs that it
 * starts are those of the corpus, or none.
 */
const CONFINED = [
  '--allow-child-process',
  '--allow-addons',
  '--allow-worker',
  '--allow-fs-read=*',
  '--no-warnings',
];

/** Streams that break off are waited for; the good session does not break off. */
const RESUME_WINDOW = '1s';

export interface FuzzWorld extends AsyncDisposable {
  readonly port: number;
  readonly internalPort: number;
  /** The address of the internal listener, as tickets have it. */
  readonly podAddress: string;
  readonly keyFile: string;
  readonly relay: ProbedProcess;
  readonly agent: ProbedProcess;
  readonly session: GoodSession;
  /** Where the agent's sessions begin. */
  readonly job: string;
  /** A second agent, linked to a relay of the attacker's. */
  startAgentAt(url: string): Promise<ProbedProcess>;
  /** What was noticed so far, by whomever. */
  faults(): readonly string[];
  /** What the relay counts at this moment, by the name of its gauge. */
  gauges(): Promise<Readonly<Record<string, number>>>;
}

const GAUGES = [
  'converge_agents',
  'converge_clients',
  'converge_detached_clients',
  'converge_sessions',
  'converge_pending_dials',
] as const;

/** Starts it, and waits until the good session has its first bytes back. */
export async function startWorld(): Promise<FuzzWorld> {
  await using starting = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'converge-fuzz-'));
  starting.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const keyFile = join(folder, 'key');
  await makeKeyFile(keyFile);
  const job = join(folder, 'work', 'job');
  await mkdir(job, { recursive: true });

  const relay = starting.use(
    new ProbedProcess('relay', [join(ROOT, 'services/relay/main.ts')], {
      cwd: folder,
      // Else it would become another process, and the channel to this one would be lost.
      flags: NODE_FLAGS,
      env: {
        HOST: '127.0.0.1',
        PORT: '0',
        INTERNAL_PORT: '0',
        POD_ID: 'pod-fuzz',
        CLUSTER_SECRET,
        TRUST_PROXY: '127.0.0.1',
      },
    }),
  );
  const [publicLine, internalLine] = await Promise.all([
    relay.line(/"listener":"public".*"port":(\d+)/),
    relay.line(/"listener":"internal".*"port":(\d+)/),
  ]);
  const port = Number(publicLine[1]);
  const internalPort = Number(internalLine[1]);

  const agents = starting.use(new AsyncDisposableStack());
  const all: ProbedProcess[] = [];
  const startAgent = async (url: string, cwd: string): Promise<ProbedProcess> => {
    // They outlive their clients.
    await holdFolder(cwd);
    const args = [
      '--no-forwarding',
      '--resume-window',
      RESUME_WINDOW,
      '--authorized-keys',
      `${keyFile}.pub`,
      `${url}/agent/${AGENT_ID}`,
    ];
    const agent = new ProbedProcess('agent', [join(ROOT, 'services/agent/main.ts'), ...args], {
      cwd,
      env: { TMPDIR: cwd, SHELL: '/bin/sh' },
      flags: ['--permission', ...CONFINED, `--allow-fs-write=${folder}`],
    });
    all.push(agents.use(agent));
    return agent;
  };
  const agent = await startAgent(`ws://127.0.0.1:${port}`, job);
  await relay.line(/"agent linked"/);
  const session = starting.use(
    new GoodSession({ clientUrl: `ws://127.0.0.1:${port}/client/${AGENT_ID}`, keyFile }),
  );
  await until('the good session is under way', () => session.bytes > 0 || session.faults.length > 0, 60_000);
  const stack = starting.move();
  return {
    port,
    internalPort,
    podAddress: `127.0.0.1:${internalPort}`,
    keyFile,
    relay,
    agent,
    session,
    job,
    async startAgentAt(url) {
      const other = join(folder, 'work', 'other');
      await mkdir(other, { recursive: true });
      return startAgent(url, other);
    },
    faults: () => [relay.faults, ...all.map(({ faults }) => faults), session.faults].flat(),
    async gauges() {
      const text = await (await fetch(`http://127.0.0.1:${internalPort}/metrics`)).text();
      return Object.fromEntries(GAUGES.map((name) => [name, sumOf(text, name)]));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

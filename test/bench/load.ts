// The load of one lane: the program load.cc, told what to do.
import { tmpdir } from 'node:os';
import { agentStreamPath, clientPath } from '#shared/protocol/paths.ts';
import { type E2eProcess, prefixed, startProcess } from '../support/process/started-process.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import { nativeProgram } from './native-program.ts';

/** What each source pours: so many writes of so many frames, each with a payload. A mask of zero costs neither end anything. */
export interface Pouring {
  readonly payloadBytes: number;
  readonly framesPerWrite: number;
  readonly writes: number;
  readonly mask: 'zero' | 'random';
}

export class Load implements AsyncDisposable {
  readonly #process: E2eProcess;
  #ends = 0;
  #runs = 0;

  constructor(process: E2eProcess) {
    this.#process = process;
  }

  /** Where its sinks are; there is none of a relayed one. */
  async port(): Promise<number> {
    const [, port = '0'] = await this.#process.see(/^port (\d+)$/m);
    return Number(port);
  }

  /** Opens `count` sessions through the proxy on `port`, whose target is this load. */
  async openPairs(port: number, count: number): Promise<void> {
    this.#ends += 2 * count;
    this.#tell(`pairs ${port} ${count}`);
    await this.#process.see(new RegExp(`^open ${this.#ends}$`, 'm'));
  }

  /** Opens `count` sessions through relays: an agent on `agentPort`, clients on `clientPort`. */
  async openSessions(
    stack: AsyncDisposableStack,
    { name, agentPort, clientPort, count }: Sessions,
  ): Promise<void> {
    const agent = stack.use(await openAgent(agentPort, name));
    for (let index = 0; index < count; index += 1) {
      this.#tell(`source ${clientPort} ${clientPath(name)}`);
      const { ticket } = await agent.dial(index);
      this.#ends += 2;
      this.#tell(`sink ${agentPort} ${agentStreamPath(name, ticket)}`);
      await this.#process.see(new RegExp(`^open ${this.#ends}$`, 'm'));
    }
  }

  /** Opens both ends of one session where each two connections are joined. */
  async openJoined(port: number): Promise<void> {
    this.#ends += 2;
    this.#tell(`source ${port} /\nsink ${port} /`);
    await this.#process.see(new RegExp(`^open ${this.#ends}$`, 'm'));
  }

  /** All sources pour; resolves when all has come, with how long it took, in seconds. */
  async run({ payloadBytes, framesPerWrite, writes, mask }: Pouring): Promise<number> {
    this.#runs += 1;
    this.#tell(`run ${payloadBytes} ${writes} ${mask} ${framesPerWrite}`);
    const [, nanoseconds] = await this.#process.see(new RegExp(`^done ${this.#runs} (\\d+)$`, 'm'));
    return Number(nanoseconds) / 1e9;
  }

  #tell(line: string): void {
    this.#process.child.stdin?.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
  }
}

export interface Sessions {
  readonly name: string;
  readonly agentPort: number;
  readonly clientPort: number;
  readonly count: number;
}

/** `cpus`: on which it runs, as taskset(1) takes them; by default on all. */
export async function startLoad(kind: 'raw' | 'proxied' | 'relayed', cpus?: string): Promise<Load> {
  const { PATH = '' } = process.env;
  const program = await nativeProgram('load');
  const command = prefixed(cpus === undefined ? [] : ['taskset', '-c', cpus], [program, kind]);
  return new Load(startProcess(`load ${kind}`, command, { cwd: tmpdir(), env: { PATH } }));
}

// An agent as a process behind a relay that lies, and a TCP port that leads to its SSH server by the orders that the test gives.
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWebSocketStream, type WebSocket } from 'ws';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import { AGENT_PROGRAM, type AgentProcess, startAgentProcess } from '../process/agent-program.ts';
import { startLyingRelay } from '../relay/lying-relay.ts';
import { makeKeyFile } from '../ssh/key-file.ts';
import { until } from '../time/poll.ts';

export interface HostileJobOptions {
  /** Of the nth control link, from 0. */
  readonly welcome?: (n: number) => Readonly<Record<string, unknown>>;
  /** Said ahead of the honest order for a connection, with a ticket of its own. */
  readonly liesAbout?: string;
  readonly keyComment?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface HostileJob extends AsyncDisposable {
  readonly agent: AgentProcess;
  readonly links: readonly WebSocket[];
  /** Leads to the agent's SSH server. */
  readonly port: number;
  /** The private key that it lets in. */
  readonly keyFile: string;
}

const USUAL_ADDRESS = '192.0.2.7';

export async function startHostileJob(options: HostileJobOptions = {}): Promise<HostileJob> {
  const { welcome = () => ({}), liesAbout, keyComment = 'laptop', env = {} } = options;
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'hostile-job-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const keyFile = join(folder, 'key');
  await makeKeyFile(keyFile);
  const [type, blob] = (await readFile(`${keyFile}.pub`, 'utf8')).split(' ');
  await writeFile(`${keyFile}.pub`, `${type} ${blob} ${keyComment}\n`);

  const links: WebSocket[] = [];
  const waiting = new Map<string, Socket>();
  const relay = stack.use(
    await startLyingRelay(({ path, accept, say }) => {
      if (path === '/agent/job') {
        const link = accept(AGENT_CONTROL);
        links.push(link);
        const usual = {
          type: 'welcome',
          id: 'job',
          epoch: links.length,
          pod: 'a',
          publicUrl: 'http://r.test',
        };
        link.send(JSON.stringify({ ...usual, ...welcome(links.length - 1) }));
        return;
      }
      const socket = waiting.get(path.replace(/.*-/, ''));
      if (socket === undefined) return say('HTTP/1.1 404 No\r\n\r\n');
      // The first stream that comes for a connection has it.
      waiting.delete(path.replace(/.*-/, ''));
      const stream = createWebSocketStream(accept(STREAM));
      stream.on('error', () => undefined);
      socket.on('close', () => stream.destroy());
      socket.pipe(stream).pipe(socket);
    }),
  );
  let connections = 0;
  const door = createServer((socket) => {
    socket.on('error', () => undefined);
    const number = String(connections++);
    waiting.set(number, socket);
    const order = (ticket: string, client: string): void => {
      links.at(-1)?.send(JSON.stringify({ type: 'dial', ticket, client, resumable: false }));
    };
    if (liesAbout !== undefined) order(`lie-${number}`, liesAbout);
    order(`truth-${number}`, USUAL_ADDRESS);
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  stack.defer(() => void door.close());
  const args = ['--authorized-keys', `${keyFile}.pub`, '--timeout', '5m', `${relay.url}/agent/job`];
  const agent = startAgentProcess(AGENT_PROGRAM, args, { cwd: folder, env });
  stack.defer(async () => {
    agent.child.kill('SIGKILL');
    await agent.ended;
  });
  await until('the card', () => agent.output().includes('this job is open for SSH'), 20_000);
  return {
    agent,
    links,
    port: (door.address() as AddressInfo).port,
    keyFile,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

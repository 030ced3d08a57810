// The agent's end of the `converge` command: a private directory with the shim and the socket it talks to.
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#shared/time/clock.ts';
import type { KeyAllowance } from '../access/key-allowance.ts';
import type { PasswordState } from '../access/password-guard.ts';
import type { JobVerdict } from '../expiry/agent-end.ts';
import type { ExpirySnapshot } from '../expiry/expiry-watch.ts';
import type { CommandPlace } from '../platform/command-place.ts';
import { CONVERGE_COMMAND_FLAG } from './command-flag.ts';
import { readLine } from './line-reader.ts';
import { writeLink } from './link.ts';
import { makePrivateDirectory, type Runs, writeProgram } from './private-directory.ts';
import {
  type AgentFacts,
  allowReply,
  endReply,
  failureReply,
  holdReply,
  passwordReply,
  releaseReply,
  statusJsonReply,
  statusReply,
  verdictReply,
} from './reply.ts';
import {
  type ConvergeReply,
  type ConvergeRequest,
  formatLine,
  LINE_TIMEOUT_MS,
  parseRequest,
} from './request.ts';

/** Far more than people need. A script that asks in a loop waits for its turn. */
const MAX_CONNECTIONS = 16;

/** What the agent answers to each command. */
export interface ConvergeAnswers {
  status(): AgentFacts;
  /** Undefined asks for the agent's timeout. Throws what the file system says. */
  hold(durationMs: number | undefined): Promise<ExpirySnapshot | undefined>;
  /** False if nothing was held. Throws what the file system says. */
  release(): Promise<boolean>;
  /** Undefined where there is no password. */
  password(state: 'on' | 'off'): PasswordState | undefined;
  /** Lets in whoever has this key, a line as `authorized_keys` has it. */
  allow(line: string): KeyAllowance;
  /** Called after the reply has been sent. */
  end(): void;
  /** What becomes of the job; called after the reply has been sent. */
  judge(verdict: Exclude<JobVerdict, { kind: 'none' }>): void;
  /** The job asks for the end; called after the reply has been sent. */
  stop(): void;
  /** The job is done, and waits for those who are in; `lingerMs` for somebody to come. */
  jobDone(lingerMs: number): Promise<void>;
  /** The job that waited is gone. */
  cancel(): void;
}

/** Where questions come in, one connection each. */
export interface QuestionDesk {
  /** @throws Error what the system says of the address */
  listen(address: string): Promise<void>;
  /** Questions are answered from now on, also those that have come already. To be called once. */
  readonly answer: (answers: ConvergeAnswers) => void;
  /** Closes every connection; may be called twice. */
  stop(): Promise<void>;
}

export interface ConvergeCommandOptions {
  readonly clock: Clock;
  readonly place: CommandPlace;
  /** The words that start the agent's program again, without arguments; absolute paths. */
  readonly program: readonly string[];
  /** Where to make the private directory, if it can be made there: os.tmpdir(). */
  readonly temporaryDirectory: string;
  /** Where to make it if no temporary directory will do. */
  readonly lastResorts?: readonly string[];
  /** PATH of the agent. */
  readonly path: string | undefined;
}

/** What is in its private directory. */
interface CommandFiles {
  /** Holds `converge`, in whatever form shells here look for it, and nothing else. */
  readonly binDirectory: string;
  /** The path of `converge` itself. */
  readonly path: string;
  readonly socketPath: string;
}

/** The command as it is installed. */
export interface ConvergeCommand extends CommandFiles {
  /** For the environment of every session: PATH with the command in front. */
  readonly env: { readonly PATH: string };
  /** Questions are answered from now on, also those that have come already. To be called once. */
  answer(answers: ConvergeAnswers): void;
  /** Removes everything; may be called twice. */
  stop(): Promise<void>;
}

export type ConvergeCommandStart =
  | { readonly kind: 'started'; readonly command: ConvergeCommand }
  /** The agent works without it; `detail` says why. */
  | { readonly kind: 'unavailable'; readonly detail: string };

/** Opens nothing before `listen`. */
export function createQuestionDesk(clock: Clock): QuestionDesk {
  const connections = new Set<Socket>();
  const { promise: answers, resolve } = Promise.withResolvers<ConvergeAnswers>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    void answer(socket, answers, clock);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return {
    listen: (address) => listen(server, address),
    answer: resolve,
    async stop() {
      for (const socket of connections) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

/** Installs the command. Never throws. */
export async function installConvergeCommand(options: ConvergeCommandOptions): Promise<ConvergeCommandStart> {
  const desk = createQuestionDesk(options.clock);
  const { place, temporaryDirectory: preferred, lastResorts = [] } = options;
  const made = await makePrivateDirectory({ place, preferred, lastResorts, fill });
  if (made.kind === 'none') return { kind: 'unavailable', detail: `no folder takes it (${made.detail})` };
  const { path: directory, content } = made;
  let stopped: Promise<void> | undefined;

  async function fill(directory: string, runs: Runs): Promise<CommandFiles> {
    const binDirectory = join(directory, 'bin');
    const socketPath = place.socketFor(directory);
    const shims = place.shims([...options.program, CONVERGE_COMMAND_FLAG, socketPath]);
    const path = join(binDirectory, shims[0].name);
    await mkdir(binDirectory, { mode: 0o700 });
    if (runs === 'links') await writeLink(path, options.program);
    else for (const { name, text } of shims) await writeProgram(join(binDirectory, name), text);
    await desk.listen(socketPath);
    return { binDirectory, path, socketPath };
  }

  async function close(): Promise<void> {
    await desk.stop();
    await rm(directory, { recursive: true, force: true });
  }

  const stop = (): Promise<void> => {
    stopped ??= close();
    return stopped;
  };
  const env = { PATH: place.pathWith(content.binDirectory, options.path) };
  return { kind: 'started', command: { ...content, env, answer: desk.answer, stop } };
}

async function listen(server: Server, socketPath: string): Promise<void> {
  server.listen(socketPath);
  await once(server, 'listening');
  // The agent's life is decided by its expiry, not by this socket.
  server.unref();
}

async function answer(socket: Socket, answers: Promise<ConvergeAnswers>, clock: Clock): Promise<void> {
  const read = await readLine(socket, clock);
  if (read.kind !== 'line') {
    socket.destroy();
    return;
  }
  const request = parseRequest(read.line);
  const agent = await answers;
  if (request?.command === 'wait') return attendJob(socket, agent, request.lingerMs);
  const reply = request === undefined ? malformed() : await replyTo(request, agent, clock);
  await send(socket, formatLine(reply), clock);
  switch (request?.command) {
    case 'end':
      return agent.end();
    case 'stop':
      return agent.stop();
    case 'continue':
      return agent.judge({ kind: 'continue' });
    case 'fail':
      return agent.judge({ kind: 'fail', exitCode: request.exitCode });
    default:
      return;
  }
}

/** The connection stands for the job that waits at its other end. */
async function attendJob(socket: Socket, agent: ConvergeAnswers, lingerMs: number): Promise<void> {
  if (socket.destroyed) return agent.cancel();
  socket.once('close', () => agent.cancel());
  socket.write(formatLine({ exitCode: 0, text: '' }));
  await agent.jobDone(lingerMs);
}

/** Resolves when the connection is closed: the line was taken, or the other end did not take it in time. */
async function send(socket: Socket, line: string, clock: Clock): Promise<void> {
  if (socket.destroyed) return;
  const cancel = clock.after(LINE_TIMEOUT_MS, () => socket.destroy());
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  socket.end(line);
  await closed;
  cancel();
}

async function replyTo(
  request: Exclude<ConvergeRequest, { command: 'wait' }>,
  agent: ConvergeAnswers,
  clock: Clock,
): Promise<ConvergeReply> {
  try {
    switch (request.command) {
      case 'status':
        return (request.form === 'json' ? statusJsonReply : statusReply)(agent.status(), clock.wallTime());
      case 'allow':
        return allowReply(agent.allow(request.line));
      case 'hold':
        return holdReply(await agent.hold(request.durationMs), clock.wallTime());
      case 'release': {
        const existed = await agent.release();
        return releaseReply(existed, agent.status().expiry, clock.wallTime());
      }
      case 'password':
        return passwordReply(agent.password(request.state));
      case 'end':
      case 'stop':
        return endReply();
      case 'continue':
        return verdictReply(undefined);
      case 'fail':
        return verdictReply(request.exitCode);
    }
  } catch (error) {
    return failureReply(request.command, error);
  }
}

function malformed(): ConvergeReply {
  return { exitCode: 2, text: 'converge: the agent does not understand this; is it of another version?' };
}

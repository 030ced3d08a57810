// A session: what the client asks for on one channel, until a program, a shell or sftp runs on it. RFC 4254 section 6.
import type { AcceptConnection, Connection, RejectConnection, ServerChannel, Session } from 'ssh2';
import type { AgentForwarding } from './agent-forwarding.ts';
import { startPipeProgram } from './pipe-program.ts';
import { signalFrom } from './process-exit.ts';
import type { Program, TerminalSize } from './program.ts';
import { buildEnvironment, CLIENT_VARIABLES_MAX, isAcceptable } from './session-environment.ts';
import { startSftpProgram } from './sftp-program.ts';
import type { SshServerOptions } from './ssh-options.ts';
import { closeUnstarted, keepRequestsAfterEof } from './ssh2-internals.ts';
import { startTerminalProgram } from './terminal-program.ts';
import type { TransportGate } from './transport-gate.ts';

/** What a client without a terminal of its own (`ssh -tt` in a script) gets instead of 0 by 0. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };
/** Sizes are 16 bits in the kernel. */
const SIZE_MAX = 65_535;
const DEFAULT_TERMINAL = 'xterm-256color';

export interface SessionContext {
  readonly connection: Connection;
  readonly gate: TransportGate;
  readonly options: SshServerOptions;
  readonly clientAddress: string;
  readonly agentForwarding: AgentForwarding;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
  /** A program or sftp runs. */
  readonly onServed: () => void;
  /** Called once, when the channel is closed. */
  readonly onClosed: () => void;
}

interface Terminal {
  readonly type: string;
  readonly size: TerminalSize;
}

type State =
  | { readonly kind: 'preparing'; readonly terminal: Terminal | undefined }
  | { readonly kind: 'running'; readonly program: Program }
  | { readonly kind: 'closed' };

/** One session. Requests are answered at once, because ssh2 sends answers in the order in which they are given. */
export class ServedSession {
  readonly #session: Session;
  readonly #context: SessionContext;
  readonly #variables = new Map<string, string>();
  #state: State = { kind: 'preparing', terminal: undefined };

  constructor(session: Session, context: SessionContext) {
    this.#session = session;
    this.#context = context;
    keepRequestsAfterEof(session);
    this.#prepare();
    this.#steer();
    session.on('shell', (accept, reject) => {
      this.#run(accept, reject, undefined);
    });
    session.on('exec', (accept, reject, { command }) => {
      this.#run(accept, reject, command);
    });
    session.on('subsystem', (accept, reject, { name }) => {
      this.#runSubsystem(accept, reject, name);
    });
    session.on('close', () => {
      closeUnstarted(context.connection, session);
      this.hangUp();
    });
  }

  /** Shows text to the person, if the session has a terminal. */
  notify(text: string): void {
    if (this.#state.kind === 'running') this.#state.program.notify(text);
  }

  /** Ends it from this side. May be called twice. */
  close(): void {
    if (this.#state.kind === 'running') this.#state.program.close();
  }

  /** The channel or its connection is gone. May be called twice. */
  hangUp(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    if (state.kind === 'running') state.program.hangUp();
    this.#context.onClosed();
  }

  #prepare(): void {
    this.#session.on('pty', (accept, reject, { term, cols, rows }) => {
      if (this.#state.kind !== 'preparing') return (reject as RejectConnection | undefined)?.();
      const size = sizeFrom(cols, rows) ?? DEFAULT_SIZE;
      this.#state = { kind: 'preparing', terminal: { type: term || DEFAULT_TERMINAL, size } };
      (accept as (() => void) | undefined)?.();
    });
    this.#session.on('env', (accept, reject, { key, val }) => {
      const isNew = !this.#variables.has(key);
      if (!isAcceptable(key, val) || (isNew && this.#variables.size >= CLIENT_VARIABLES_MAX)) {
        this.#context.log('variable refused', { name: key.slice(0, 64) });
        return (reject as RejectConnection | undefined)?.();
      }
      this.#variables.set(key, val);
      (accept as (() => void) | undefined)?.();
    });
    this.#session.on('auth-agent', (accept, reject) => {
      const answer = this.#context.agentForwarding.start() ? accept : reject;
      (answer as (() => void) | undefined)?.();
    });
  }

  #steer(): void {
    this.#session.on('window-change', (accept, _reject, { cols, rows }) => {
      const size = sizeFrom(cols, rows);
      const state = this.#state;
      if (size !== undefined && state.kind === 'running') state.program.resize(size);
      if (size !== undefined && state.kind === 'preparing' && state.terminal !== undefined) {
        this.#state = { kind: 'preparing', terminal: { ...state.terminal, size } };
      }
      (accept as (() => void) | undefined)?.();
    });
    this.#session.on('signal', (accept, reject, { name }) => {
      const signal = signalFrom(name);
      const state = this.#state;
      if (signal === undefined || state.kind !== 'running') {
        return (reject as RejectConnection | undefined)?.();
      }
      state.program.signal(signal);
      (accept as (() => void) | undefined)?.();
    });
  }

  #run(
    accept: AcceptConnection<ServerChannel>,
    reject: RejectConnection | undefined,
    command: string | undefined,
  ): void {
    const state = this.#state;
    if (state.kind !== 'preparing') return reject?.();
    const { options, agentForwarding, clientAddress } = this.#context;
    const program = {
      ...this.#programOptions(accept()),
      command,
      env: buildEnvironment({
        base: options.env,
        fromClient: this.#variables,
        shell: options.shell,
        clientAddress,
        terminal: state.terminal?.type,
        agentSocket: agentForwarding.socketPath,
      }),
    };
    if (state.terminal === undefined) {
      this.#state = { kind: 'running', program: startPipeProgram(program) };
      return;
    }
    const greeting = command === undefined ? options.greeting() : '';
    const { size } = state.terminal;
    this.#state = { kind: 'running', program: startTerminalProgram({ ...program, size, greeting }) };
  }

  #runSubsystem(
    accept: AcceptConnection<ServerChannel>,
    reject: RejectConnection | undefined,
    name: string,
  ): void {
    if (this.#state.kind !== 'preparing' || name !== 'sftp') {
      this.#context.log('subsystem refused', { name: name.slice(0, 64) });
      return reject?.();
    }
    const { cwd, env, events } = this.#context.options;
    const program = startSftpProgram({
      channel: accept(),
      cwd,
      home: env['HOME'] ?? cwd,
      onActivity: () => {
        events.activity();
      },
      log: this.#context.log,
    });
    this.#state = { kind: 'running', program };
    this.#context.onServed();
  }

  #programOptions(channel: ServerChannel) {
    const { options, gate, log, onServed } = this.#context;
    const { clock, shell, cwd, events } = options;
    const onActivity = (): void => {
      events.activity();
    };
    return { channel, gate, clock, shell, cwd, onStarted: onServed, onActivity, log };
  }
}

/** A size that makes sense, or undefined. */
function sizeFrom(columns: number, rows: number): TerminalSize | undefined {
  if (columns < 1 || rows < 1 || columns > SIZE_MAX || rows > SIZE_MAX) return undefined;
  return { columns, rows };
}

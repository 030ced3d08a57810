// A session channel: what the client asks for on it, until a program, a shell or sftp runs on it. RFC 4254 section 6.
import type { Connection, ServerChannel, Session } from 'ssh2';
import { STATUS_QUESTION } from '#shared/commands/status-question.ts';
import type { TerminalMode } from '../platform/terminal-mode.ts';
import { signalFrom } from './channel/process-exit.ts';
import type { TransportGate } from './channel/transport-gate.ts';
import type { AgentForwarding } from './forward/agent-forwarding.ts';
import type { Running } from './occupation.ts';
import { accountFrom } from './program/account.ts';
import { type AskedRun, forcedRun, isHarmlessVariable } from './program/forced-command.ts';
import { startPipeProgram } from './program/pipe-program.ts';
import type { Program, TerminalSize } from './program/program.ts';
import {
  beforeZero,
  buildEnvironment,
  isAcceptable,
  MAX_CLIENT_VARIABLES,
} from './program/program-environment.ts';
import { startSftpProgram } from './program/sftp-program.ts';
import { startTerminalProgram } from './program/terminal-program.ts';
import type { Rights } from './rights.ts';
import type { SshServerOptions } from './ssh-options.ts';
import { serveRequests, type TerminalRequest } from './ssh2/channel-requests.ts';
import { sendEndOfWrite } from './ssh2/end-of-write.ts';
import { closeUnstarted, keepRequestsAfterEof } from './ssh2/session-channel-end.ts';

/** For a client without a terminal of its own (`ssh -tt` in a script), which asks for 0 by 0. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };
/** Columns or rows: the kernel has 16 bits for each. */
const MAX_TERMINAL_SIZE = 65_535;
const DEFAULT_TERMINAL = 'xterm-256color';

/** What a session channel has of its connection. */
export interface SessionChannelContext {
  readonly connection: Connection;
  readonly gate: TransportGate;
  readonly options: SshServerOptions;
  readonly clientId: string;
  readonly clientAddress: string;
  /** Counted from 1 in its connection. */
  readonly number: number;
  readonly rights: Rights;
  readonly agentForwarding: AgentForwarding;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
  /** A program or sftp runs. */
  readonly onServed: () => void;
  /** Called once, when the channel is closed. */
  readonly onClosed: () => void;
}

interface Terminal {
  readonly type: Buffer;
  readonly size: TerminalSize;
  readonly modes: readonly TerminalMode[];
}

type State =
  | { readonly kind: 'preparing'; readonly terminal: Terminal | undefined }
  | {
      readonly kind: 'running';
      readonly what: Running;
      readonly program: Program;
      readonly since: number;
    }
  | { readonly kind: 'closed' };

/** One session channel. Its requests are answered at once, so in their order. */
export class SessionChannel {
  readonly #session: Session;
  readonly #context: SessionChannelContext;
  readonly #variables = new Map<string, Buffer>();
  #state: State = { kind: 'preparing', terminal: undefined };

  constructor(session: Session, context: SessionChannelContext) {
    this.#session = session;
    this.#context = context;
    keepRequestsAfterEof(session);
    serveRequests(session, {
      setVariable: (name, value) => this.#setVariable(name, value),
      setTerminal: (terminal) => this.#setTerminal(terminal),
      forwardAgent: () => context.agentForwarding.start(),
      runShell: (open) => this.#start(open, { kind: 'shell' }),
      runCommand: (open, command) => this.#start(open, { kind: 'command', command }),
      runSubsystem: (open, name) => this.#startSubsystem(open, name),
      resize: (columns, rows) => this.#resize(columns, rows),
      signal: (name) => this.#signal(name),
      readerLeft: () => {
        if (this.#state.kind === 'running') this.#state.program.readerLeft();
      },
    });
    session.on('close', () => {
      closeUnstarted(context.connection, session);
      this.hangUp();
    });
  }

  /** What runs, if anything does. */
  get running(): Running | undefined {
    return this.#state.kind === 'running' && this.#state.program.hasStarted ? this.#state.what : undefined;
  }

  /** Shows text to the person, if there is a terminal. */
  notify(text: string): void {
    if (this.#state.kind === 'running') this.#state.program.notify(text);
  }

  /** Ends it from this side, with a farewell at its terminal. May be called twice. */
  close(farewell: string): void {
    if (this.#state.kind === 'running') this.#state.program.close(farewell);
  }

  /** The channel or its connection is gone. May be called twice. */
  hangUp(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    if (state.kind === 'running') {
      this.#tellEnd(state);
      state.program.hangUp();
    }
    this.#context.onClosed();
  }

  #setTerminal({ type, columns, rows, modes }: TerminalRequest): boolean {
    if (this.#state.kind !== 'preparing') return false;
    if (!this.#context.rights.terminal) {
      this.#context.log('terminal refused', { reason: 'the certificate does not permit it' });
      return false;
    }
    const size = sizeFrom(columns, rows) ?? DEFAULT_SIZE;
    const named = type.length > 0 ? type : Buffer.from(DEFAULT_TERMINAL);
    this.#state = { kind: 'preparing', terminal: { type: named, size, modes } };
    return true;
  }

  #setVariable(name: string, value: Buffer): boolean {
    const isNew = !this.#variables.has(name);
    const isForced = this.#context.rights.forcedCommand !== undefined;
    const isTaken = isAcceptable(name, value) && (!isForced || isHarmlessVariable(name));
    if (isTaken && (!isNew || this.#variables.size < MAX_CLIENT_VARIABLES)) {
      this.#variables.set(name, value);
      return true;
    }
    this.#context.log('variable refused', { name: name.slice(0, 64) });
    return false;
  }

  #resize(columns: number, rows: number): boolean {
    const size = sizeFrom(columns, rows);
    const state = this.#state;
    if (size !== undefined && state.kind === 'running') state.program.resize(size);
    if (size !== undefined && state.kind === 'preparing' && state.terminal !== undefined) {
      this.#state = { kind: 'preparing', terminal: { ...state.terminal, size } };
    }
    return true;
  }

  #signal(name: string): boolean {
    const signal = signalFrom(name);
    const state = this.#state;
    if (signal === undefined || state.kind !== 'running') return false;
    state.program.signal(signal);
    return true;
  }

  #startSubsystem(open: () => ServerChannel, name: string): void {
    if (name === 'sftp') return this.#start(open, { kind: 'sftp' });
    this.#context.log('subsystem refused', { name: name.slice(0, 64) });
  }

  /** Runs what was asked for, or what its certificate says. */
  #start(open: () => ServerChannel, asked: AskedRun): void {
    if (this.#state.kind !== 'preparing') return;
    const { rights, log, options } = this.#context;
    const { forcedCommand } = rights;
    const { shell, commandShell = shell } = options;
    const run = forcedCommand === undefined ? asked : forcedRun(forcedCommand, asked, commandShell);
    if (run.kind !== 'impossible') this.#tellStart(asked, forcedCommand !== undefined);
    switch (run.kind) {
      case 'shell':
        return this.#run(open, { command: undefined });
      case 'command':
        return this.#run(open, run);
      case 'sftp':
        return this.#serveSftp(open);
      case 'impossible':
        log('session refused', { reason: run.detail });
    }
  }

  #run(
    open: () => ServerChannel,
    {
      command,
      originalCommand,
    }: { readonly command: Buffer | undefined; readonly originalCommand?: Buffer | undefined },
  ): void {
    const state = this.#state;
    if (state.kind !== 'preparing') return;
    const { options, agentForwarding, clientAddress } = this.#context;
    const { shell, commandShell = shell } = options;
    const what = command === undefined ? 'shell' : 'command';
    const isTalk = command === undefined && state.terminal !== undefined;
    const isQuestion = command?.toString() === STATUS_QUESTION;
    const program = {
      ...this.#programOptions(open()),
      ...(isQuestion ? { onActivity: () => undefined } : {}),
      shell: command === undefined ? shell : commandShell,
      command: command && beforeZero(command),
      env: buildEnvironment({
        base: { ...options.env, ...(isTalk ? options.shellEnv : {}) },
        fromClient: this.#variables,
        account: accountFrom(options.env),
        shell: commandShell,
        clientAddress,
        terminal: state.terminal?.type,
        agentSocket: agentForwarding.socketPath,
        originalCommand,
      }),
    };
    if (state.terminal === undefined) {
      this.#started(what, startPipeProgram(program));
      return;
    }
    const greeting = isTalk ? options.greeting() : '';
    const { size, modes } = state.terminal;
    const { countsOutput = false } = options;
    this.#started(what, startTerminalProgram({ ...program, size, modes, greeting, countsOutput }));
  }

  #serveSftp(open: () => ServerChannel): void {
    const { clientId, number: channel } = this.#context;
    const { platform, cwd, env, events } = this.#context.options;
    const tell = events.asked?.file;
    const program = startSftpProgram({
      channel: open(),
      gate: this.#context.gate,
      files: platform.files,
      cwd,
      home: (env['HOME'] ?? env['USERPROFILE'])?.toString() ?? cwd,
      onActivity: () => {
        events.activity();
      },
      onFile: tell && ((request, path) => tell({ clientId, channel, request, path })),
      log: this.#context.log,
    });
    this.#started('sftp', program);
  }

  #started(what: Running, program: Program): void {
    this.#state = { kind: 'running', what, program, since: this.#context.options.clock.now() };
    if (program.hasStarted) this.#context.onServed();
  }

  #tellStart(asked: AskedRun, isForced: boolean): void {
    const { clientId, number: channel, options } = this.#context;
    const terminal = this.#state.kind === 'preparing' && this.#state.terminal !== undefined;
    const command = asked.kind === 'command' ? asked.command : undefined;
    options.events.asked?.started({ clientId, channel, what: asked.kind, command, terminal, isForced });
  }

  #tellEnd({ program, since }: State & { kind: 'running' }): void {
    const { clientId, number: channel, options } = this.#context;
    const seconds = (options.clock.now() - since) / 1_000;
    options.events.asked?.ended({ clientId, channel, seconds, ...program.account });
  }

  #programOptions(channel: ServerChannel) {
    const { options, gate, log } = this.#context;
    const { clock, platform, cwd, events } = options;
    const onActivity = (): void => {
      events.activity();
    };
    const onInputClosed = (): void => {
      sendEndOfWrite(this.#context.connection, this.#session);
    };
    return { channel, gate, clock, platform, cwd, onActivity, onInputClosed, log };
  }
}

/** A size that makes sense, or undefined. */
function sizeFrom(columns: number, rows: number): TerminalSize | undefined {
  if (columns < 1 || rows < 1 || columns > MAX_TERMINAL_SIZE || rows > MAX_TERMINAL_SIZE) return undefined;
  return { columns, rows };
}

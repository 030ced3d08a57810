// The requests of a session channel, in the client's own bytes, each answered in its turn. RFC 4254 sections 5.4 and 6.
import type { AcceptConnection, Connection, ServerChannel, Session } from 'ssh2';
import { WireReader } from '#shared/ssh/strings.ts';
import type { TerminalMode } from '../../platform/terminal-mode.ts';
import { channelOf, type DecipherVerdict, fieldsOf, type Protocol, type SessionFields } from './fields.ts';
import { type Interceptors, MESSAGE } from './inbound.ts';
import { disconnect } from './outbound.ts';
import { parseModes } from './terminal-modes.ts';

export interface TerminalRequest {
  readonly type: Buffer;
  readonly columns: number;
  readonly rows: number;
  readonly modes: readonly TerminalMode[];
}

/** Says yes and gives the channel; when it is not called the request is refused. To be called at most once, at once. */
type Open = () => ServerChannel;

/** What a client may ask for; true: done, false: refused. All are called synchronously, none after the channel's end. */
export interface SessionChannelRequests {
  setVariable(name: string, value: Buffer): boolean;
  setTerminal(terminal: TerminalRequest): boolean;
  forwardAgent(): boolean;
  runShell(open: Open): void;
  runCommand(open: Open, command: Buffer): void;
  runSubsystem(open: Open, name: string): void;
  resize(columns: number, rows: number): boolean;
  signal(name: string): boolean;
  /** Nobody reads the program's stdout any more (OpenSSH PROTOCOL section 2.1). */
  readerLeft(): void;
}

const served = new WeakMap<Session, SessionChannelRequests>();

/** From here on the channel's requests go there; unknown ones are refused. */
export function serveRequests(session: Session, requests: SessionChannelRequests): void {
  served.set(session, requests);
}

/**
 * Answers every request that wants it, in order, also when a program runs or the client has sent its EOF; hands over commands
 * and values as they came. Ends the connection over a channel that does not exist, as sshd does.
 * Upstream: lib/server.js, CHANNEL_REQUEST returns without an answer once `session._channel` is set, and swallows
 * window-change; handlers.misc.js reads everything as UTF-8 and parses terminal modes from the wrong place.
 */
export function answerChannelRequests(connection: Connection, interceptors: Interceptors): void {
  interceptors[MESSAGE.CHANNEL_REQUEST] = (payload) => {
    const request = requestFrom(new WireReader(payload.subarray(1)));
    return request === undefined
      ? disconnect(connection, 'malformed channel request')
      : answer(connection, request);
  };
}

interface Request {
  readonly id: number;
  readonly type: string;
  readonly wantsReply: boolean;
  /** At what comes after these. */
  readonly reader: WireReader;
}

function requestFrom(reader: WireReader): Request | undefined {
  const id = reader.uint32();
  const type = reader.string()?.toString('latin1');
  const wantReply = reader.byte();
  if (id === undefined || type === undefined || wantReply === undefined) return undefined;
  return { id, type, wantsReply: wantReply !== 0, reader };
}

function answer(connection: Connection, request: Request): DecipherVerdict {
  const { id, type, wantsReply } = request;
  const { _protocol: protocol } = fieldsOf(connection);
  const target = channelOf(connection, id);
  const outgoing = target?.channel?.outgoing ?? target?.session?._chanInfo.outgoing;
  if (target === undefined || outgoing === undefined) {
    return disconnect(connection, `channel request: unknown channel ${id}`);
  }
  const { session, channel } = target;
  // After CLOSE nothing is sent on a channel.
  const isClosed =
    channel !== undefined && channel.outgoing.state !== 'open' && channel.outgoing.state !== 'eof';
  if (isClosed || session?._ending === true) return undefined;
  let isAnswered = !wantsReply;
  const succeed = (): void => {
    if (!isAnswered) protocol.channelSuccess(outgoing.id);
    isAnswered = true;
  };
  const requests = session === undefined ? undefined : served.get(session);
  const done =
    session !== undefined &&
    requests !== undefined &&
    serve(request, requests, { protocol, session, succeed });
  if (done === 'malformed') return disconnect(connection, `malformed ${type} request`);
  if (done) succeed();
  else if (!isAnswered) protocol.channelFailure(outgoing.id);
  return undefined;
}

/** Where something may be run. */
interface Stage {
  readonly protocol: Protocol;
  readonly session: Session & SessionFields;
  /** Answers the request with a yes, before what it started says anything. */
  readonly succeed: () => void;
}

function serve(request: Request, requests: SessionChannelRequests, stage: Stage): boolean | 'malformed' {
  const { reader } = request;
  const isRunning = stage.session._channel !== undefined;
  switch (request.type) {
    case 'window-change': {
      const columns = reader.uint32();
      const rows = reader.uint32();
      return columns === undefined || rows === undefined ? 'malformed' : requests.resize(columns, rows);
    }
    case 'signal': {
      const name = reader.string()?.toString('latin1');
      return name === undefined ? 'malformed' : requests.signal(name);
    }
    case 'eow@openssh.com':
      requests.readerLeft();
      return false;
    default:
      return !isRunning && prepare(request, requests, stage);
  }
}

/** What the channel takes only before something runs on it. */
function prepare(
  { id, type, reader }: Request,
  requests: SessionChannelRequests,
  stage: Stage,
): boolean | 'malformed' {
  switch (type) {
    case 'env': {
      const name = reader.string()?.toString('latin1');
      const value = reader.string();
      return name === undefined || value === undefined
        ? 'malformed'
        : requests.setVariable(name, Buffer.from(value));
    }
    case 'pty-req': {
      const terminal = terminalFrom(reader);
      return terminal === undefined ? 'malformed' : requests.setTerminal(terminal);
    }
    case 'auth-agent-req@openssh.com':
      return requests.forwardAgent();
    case 'shell':
      return run(id, stage, (open) => requests.runShell(open));
    case 'exec': {
      const command = reader.string();
      if (command === undefined) return 'malformed';
      return run(id, stage, (open) => requests.runCommand(open, Buffer.from(command)));
    }
    case 'subsystem': {
      const name = reader.string()?.toString('latin1');
      return name === undefined ? 'malformed' : run(id, stage, (open) => requests.runSubsystem(open, name));
    }
    default:
      return false;
  }
}

/** Lets ssh2 make the channel, as for a `shell` that wants no reply; ssh2 does not care what is run. */
function run(id: number, { protocol, session, succeed }: Stage, start: (open: Open) => void): boolean {
  let isOpen = false;
  session.once('shell', (accept: AcceptConnection<ServerChannel>) => {
    start(() => {
      isOpen = true;
      succeed();
      return accept();
    });
  });
  protocol._handlers.CHANNEL_REQUEST(protocol, id, 'shell', false, null);
  return isOpen;
}

function terminalFrom(reader: WireReader): TerminalRequest | undefined {
  const type = reader.string();
  const columns = reader.uint32();
  const rows = reader.uint32();
  reader.uint32(); // in pixels
  reader.uint32();
  const modes = reader.string();
  if (type === undefined || columns === undefined || rows === undefined || modes === undefined) {
    return undefined;
  }
  return { type: Buffer.from(type), columns, rows, modes: parseModes(modes) };
}

// Session channels (RFC 4254 section 6): a shell on a terminal, a command, a subsystem; and direct-tcpip.
import { Untrusted } from '#shared/text/untrusted.ts';
import { SshWriter } from '../wire/ssh-writer.ts';
import type { Channel } from './channel.ts';
import type { ClientConnection, OpenedChannel } from './connection.ts';

/** In characters, 1 and more; pixels may be left out. */
export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
  readonly widthPixels?: number;
  readonly heightPixels?: number;
}

export interface SessionOptions {
  /** On a terminal, if there is one. */
  readonly terminal?: { readonly term: string; readonly size: WindowSize };
  /** The host takes those that it likes. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly run:
    | { readonly kind: 'shell' }
    | { readonly kind: 'exec'; readonly command: string }
    | { readonly kind: 'subsystem'; readonly name: string };
}

/** Opens a session. Rejects with the fault of the connection, or `refused` in its outcome. */
export async function openSession(
  connection: ClientConnection,
  options: SessionOptions,
): Promise<OpenedChannel> {
  const opened = await connection.open('session');
  if (opened.kind === 'refused') return opened;
  const { channel } = opened;
  const { terminal, environment = {}, run } = options;
  for (const [name, value] of Object.entries(environment)) {
    channel.notify('env', (writer) => writer.string(name).string(value));
  }
  // Asked at once and answered in order: one way there and back for all of it.
  const answers = await Promise.all([
    terminal === undefined ||
      channel.request('pty-req', (writer) =>
        writeSize(writer.string(terminal.term), terminal.size).string(terminalModes()),
      ),
    channel.request(run.kind, (writer) => {
      if (run.kind === 'shell') return writer;
      return writer.string(run.kind === 'exec' ? run.command : run.name);
    }),
  ]);
  if (answers.every(Boolean)) return opened;
  channel.close();
  return { kind: 'refused', reason: new Untrusted(answers[0] ? `no ${run.kind}` : 'no terminal') };
}

/** Tells a terminal its size. */
export function resizeTerminal(channel: Channel, size: WindowSize): void {
  channel.notify('window-change', (writer) => writeSize(writer, size));
}

/** A TCP connection from the host to `host:port`. */
export async function openPort(
  connection: ClientConnection,
  host: string,
  port: number,
): Promise<OpenedChannel> {
  return await connection.open('direct-tcpip', (writer) =>
    // Where it comes from: a page has no address that would mean anything there.
    writer.string(host).uint32(port).string('127.0.0.1').uint32(0),
  );
}

function writeSize(
  writer: SshWriter,
  { columns, rows, widthPixels = 0, heightPixels = 0 }: WindowSize,
): SshWriter {
  return writer.uint32(columns).uint32(rows).uint32(widthPixels).uint32(heightPixels);
}

/** RFC 4254 section 8 and RFC 8160: what is typed is UTF-8, at a speed that no program takes for a modem's. */
function terminalModes(): Uint8Array {
  const [end, iutf8, inputSpeed, outputSpeed] = [0, 42, 128, 129];
  const modes = new SshWriter().byte(iutf8).uint32(1).byte(inputSpeed).uint32(38_400);
  return modes.byte(outputSpeed).uint32(38_400).byte(end).bytes();
}

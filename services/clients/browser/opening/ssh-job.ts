// The job over SSH: terminals, commands, files and ports of one connection.
import type { CommandResult, Job, JobChannel, JobTerminal } from '../job/job.ts';
import { JobFault, jobFaultFrom } from '../job/job-fault.ts';
import type { PageFiles } from '../job/job-files.ts';
import type { Channel } from '../ssh/channels/channel.ts';
import type { ClientConnection, OpenedChannel } from '../ssh/channels/connection.ts';
import { openPort, openSession, resizeTerminal, type WindowSize } from '../ssh/channels/session.ts';
import { streamsOf } from './channel-streams.ts';

/** Of each output of a command that is kept, in bytes. */
export const MAX_COMMAND_OUTPUT_BYTES = 256 * 1024;

const USUAL_TERM = 'xterm-256color';

export interface SshJobOptions {
  readonly hostKey: string;
  readonly connection: ClientConnection;
  readonly openFiles: (channel: Channel) => Promise<PageFiles>;
  /** See `Job.probe`. */
  readonly probe: () => void;
  readonly close: () => void;
}

export class SshJob implements Job {
  readonly hostKey: string;
  readonly #options: SshJobOptions;

  constructor(options: SshJobOptions) {
    this.hostKey = options.hostKey;
    this.#options = options;
  }

  async openTerminal(size: WindowSize, term = USUAL_TERM): Promise<JobTerminal> {
    const { connection } = this.#options;
    const channel = await opened(
      openSession(connection, { terminal: { term, size }, run: { kind: 'shell' } }),
    );
    return {
      ...streamsOf(channel),
      resize: (changed) => resizeTerminal(channel, changed),
      ended: channel.closed.then(() => channel.programEnd),
    };
  }

  async run(command: string): Promise<CommandResult> {
    const channel = await opened(openSession(this.#options.connection, { run: { kind: 'exec', command } }));
    channel.sendEof();
    const kept = { stdout: new KeptOutput(), stderr: new KeptOutput() };
    try {
      for (let piece = await channel.read(); piece !== undefined; piece = await channel.read()) {
        kept[piece.from].add(piece.bytes);
      }
      await channel.closed;
    } catch (fault) {
      throw jobFaultFrom(fault);
    }
    return { end: channel.programEnd, stdout: kept.stdout.bytes(), stderr: kept.stderr.bytes() };
  }

  async openFiles(): Promise<PageFiles> {
    const run = { kind: 'subsystem', name: 'sftp' } as const;
    return await this.#options.openFiles(await opened(openSession(this.#options.connection, { run })));
  }

  async openPort(host: string, port: number): Promise<JobChannel> {
    return streamsOf(await opened(openPort(this.#options.connection, host, port)));
  }

  probe(): void {
    this.#options.probe();
  }

  close(): void {
    this.#options.close();
  }
}

async function opened(opening: Promise<OpenedChannel>): Promise<Channel> {
  const outcome = await opening.catch((fault: unknown) => {
    throw jobFaultFrom(fault);
  });
  if (outcome.kind === 'open') return outcome.channel;
  throw new JobFault('refused', `the job says no: ${outcome.reason.printable()}`);
}

/** The first MAX_COMMAND_OUTPUT_BYTES. */
class KeptOutput {
  readonly #bytes = new Uint8Array(MAX_COMMAND_OUTPUT_BYTES);
  #length = 0;

  add(bytes: Uint8Array): void {
    const fitting = bytes.subarray(0, this.#bytes.length - this.#length);
    this.#bytes.set(fitting, this.#length);
    this.#length += fitting.length;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

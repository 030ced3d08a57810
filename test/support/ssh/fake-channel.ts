// A channel without a connection: what a program does to it is kept, what a client would send is pushed.
import { Duplex, PassThrough, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { ownPlatform } from '../../../services/agent/own-platform.ts';
import { TransportGate } from '../../../services/agent/ssh/channel/transport-gate.ts';
import type { ProgramOptions } from '../../../services/agent/ssh/program/program.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';

export class FakeChannel extends Duplex {
  readonly stderr: Writable;
  stdoutText = '';
  stderrText = '';
  exitCode: number | undefined;
  /** Resolves when the program has closed the channel. */
  readonly finished: Promise<void>;

  constructor() {
    super();
    this.stderr = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.stderrText += chunk.toString();
        done();
      },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.on('finish', resolve);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.stdoutText += chunk.toString();
    done();
  }

  exit(code: number): void {
    this.exitCode = code;
  }

  eof(): void {}
}

/** A program of /bin/bash on `channel`, in /tmp, with an environment that has PATH alone. */
export function programOn(channel: FakeChannel, options: Partial<ProgramOptions> = {}): ProgramOptions {
  return {
    channel: channel as unknown as ServerChannel,
    gate: new TransportGate(new PassThrough()),
    clock: systemClock,
    platform: ownPlatform(),
    shell: '/bin/bash',
    command: undefined,
    cwd: '/tmp',
    env: new Map([['PATH', '/usr/bin:/bin']]),
    onActivity() {},
    log() {},
    ...options,
  };
}

// An SFTP server on stdin and stdout, for clients that start one: `sftp -D "node test/support/sftp/sftp-stdio.ts"`.
import { Socket } from 'node:net';
import { homedir } from 'node:os';
import { Duplex } from 'node:stream';
import { POSIX_FILES } from '../../../services/agent/platform/posix/posix-files.ts';
import { serveSftp } from '../../../services/agent/sftp/sftp-connection.ts';

const HIGH_WATER_MARK_BYTES = 2 * 1024 * 1024;

/** Two one-way sockets as one channel, with the buffer of an ssh2 channel. */
class StdioChannel extends Duplex {
  readonly #input = new Socket({ fd: 0, readable: true, writable: false });
  readonly #output = new Socket({ fd: 1, readable: false, writable: true });

  constructor() {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    this.#input.on('data', (chunk) => {
      if (!this.push(chunk)) this.#input.pause();
    });
    this.#input.on('end', () => this.push(null));
    this.#input.on('error', (error) => this.destroy(error));
    this.#output.on('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#input.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#output.write(chunk, callback);
  }

  override _final(callback: () => void): void {
    this.#output.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#input.destroy();
    this.#output.destroy();
    callback(error);
  }
}

serveSftp(new StdioChannel(), {
  files: POSIX_FILES,
  cwd: process.cwd(),
  home: homedir(),
  onActivity() {},
  log: (event, fields) => {
    if (process.env['SFTP_LOG']) process.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
  },
});

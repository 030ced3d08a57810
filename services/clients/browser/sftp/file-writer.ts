// Writing a file: many requests on their way at once; whoever writes waits when too much of it has no answer yet.
import { FileFault } from '../job/job-files.ts';
import { closeQuietly } from './file-reader.ts';
import { faultFrom, type SftpChannel } from './sftp-channel.ts';
import { SFTP_MESSAGES } from './sftp-messages.ts';

/** Written without an answer yet, in bytes. */
export const MAX_WRITE_AHEAD_BYTES = 2 * 1024 * 1024;

export interface FileWriterOptions {
  readonly sftp: SftpChannel;
  readonly handle: Uint8Array;
  readonly from: number;
  /** Of one request, in bytes. */
  readonly requestBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** A stream that takes the bytes; `close` resolves when the host has all of them and has closed the file. */
export function writeFile({
  sftp,
  handle,
  from,
  requestBytes,
  signal,
}: FileWriterOptions): WritableStream<Uint8Array> {
  const ahead = { bytes: 0, at: from };
  const writing = new Set<Promise<void>>();
  let fault: FileFault | undefined;
  let isOpen = true;
  let giveUp = (): void => undefined;
  /** Once: the host may give the handle to another file as soon as it is closed. */
  const leave = (): void => {
    signal?.removeEventListener('abort', giveUp);
    if (isOpen) closeQuietly(sftp, handle);
    isOpen = false;
  };
  const send = (bytes: Uint8Array): void => {
    const offset = ahead.at;
    ahead.at += bytes.length;
    ahead.bytes += bytes.length;
    const written = sftp
      .command(SFTP_MESSAGES.write, (writer) => writer.string(handle).uint64(offset).string(bytes))
      .catch((thrown: unknown) => {
        fault ??= faultFrom(thrown);
      })
      .then(() => {
        ahead.bytes -= bytes.length;
        writing.delete(written);
      });
    writing.add(written);
  };
  const check = (): void => {
    if (fault === undefined) return;
    leave();
    throw fault;
  };
  return new WritableStream<Uint8Array>({
    start(controller) {
      giveUp = () => {
        // Also for a `write` that waits at this moment: it must not go on.
        fault = new FileFault('aborted', 'given up');
        controller.error(fault);
        leave();
      };
      if (signal?.aborted === true) return giveUp();
      signal?.addEventListener('abort', giveUp);
    },
    async write(chunk) {
      for (let used = 0; used < chunk.length; used += requestBytes) {
        while (ahead.bytes >= MAX_WRITE_AHEAD_BYTES) await Promise.race(writing);
        check();
        send(chunk.subarray(used, used + requestBytes));
      }
    },
    async close() {
      signal?.removeEventListener('abort', giveUp);
      await Promise.all(writing);
      check();
      isOpen = false;
      await sftp.command(SFTP_MESSAGES.close, (writer) => writer.string(handle));
    },
    abort: leave,
  });
}

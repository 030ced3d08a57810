// Reading a file: many requests on their way at once, their bytes in order, and no further ahead than is taken.
import { FileFault } from '../job/job-files.ts';
import { asFileFault, type SftpChannel } from './sftp-channel.ts';
import { SFTP_MESSAGES } from './sftp-messages.ts';

/** Asked for and not yet taken by the reader, in bytes. */
export const MAX_READ_AHEAD_BYTES = 2 * 1024 * 1024;

export interface FileReaderOptions {
  readonly sftp: SftpChannel;
  readonly handle: Uint8Array;
  readonly from: number;
  /** As the host has it now; undefined or 0 if that says nothing (`/proc`): then it is read to its end one by one. */
  readonly size: number | undefined;
  /** Of one request, in bytes. */
  readonly requestBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** What one request brought: less than was asked for only at the end of the file. */
interface FilePart {
  readonly chunks: readonly Uint8Array[];
  readonly isEnd: boolean;
}

/** A stream of the bytes; the handle is closed when it ends, fails or is cancelled. */
export function readFile(options: FileReaderOptions): ReadableStream<Uint8Array> {
  const { sftp, handle, from, size = 0, requestBytes, signal } = options;
  const parts: Promise<FilePart>[] = [];
  const mostParts = Math.max(1, Math.floor(MAX_READ_AHEAD_BYTES / requestBytes));
  let next = from;
  let chunks: Uint8Array[] = [];
  let isEnd = false;
  let isOpen = true;
  /** Once: the host may give the handle to another file as soon as it is closed. */
  const closeHandle = (): void => {
    if (!isOpen) return;
    isOpen = false;
    signal?.removeEventListener('abort', giveUp);
    parts.length = 0;
    chunks = [];
    closeQuietly(sftp, handle);
  };
  let fail = (_fault: FileFault): void => undefined;
  const giveUp = (): void => {
    fail(new FileFault('aborted', 'given up'));
    closeHandle();
  };
  const askAhead = (): void => {
    while (parts.length < mostParts && (parts.length === 0 || next < size)) {
      const offset = next;
      const part = asFileFault(() => readPart(options, offset));
      // Looked at in its turn; until then nobody else does.
      part.catch(() => undefined);
      parts.push(part);
      next += requestBytes;
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        fail = (fault) => controller.error(fault);
        if (signal?.aborted === true) return giveUp();
        signal?.addEventListener('abort', giveUp);
        askAhead();
      },
      async pull(controller) {
        try {
          while (chunks.length === 0 && !isEnd) {
            askAhead();
            const part = await parts.shift();
            if (part === undefined) return;
            chunks = [...part.chunks];
            isEnd = part.isEnd;
          }
        } catch (fault) {
          closeHandle();
          throw fault;
        }
        const chunk = chunks.shift();
        if (chunk !== undefined) return controller.enqueue(chunk);
        closeHandle();
        controller.close();
      },
      cancel: closeHandle,
    },
    { highWaterMark: 0 },
  );
}

/** Asks until all of the part is there, or the end of the file: a host may give less than was asked for. */
async function readPart({ sftp, handle, requestBytes }: FileReaderOptions, from: number): Promise<FilePart> {
  const chunks: Uint8Array[] = [];
  for (let read = 0; read < requestBytes; ) {
    const wanted = requestBytes - read;
    const answer = await sftp.expect(SFTP_MESSAGES.data, SFTP_MESSAGES.read, (writer) =>
      writer
        .string(handle)
        .uint64(from + read)
        .uint32(wanted),
    );
    if (answer === undefined) return { chunks, isEnd: true };
    const bytes = answer.string(wanted);
    if (bytes.length === 0) return { chunks, isEnd: true };
    chunks.push(bytes);
    read += bytes.length;
  }
  return { chunks, isEnd: false };
}

/** Nobody waits for it, and what is wrong with the channel is told elsewhere. */
export function closeQuietly(sftp: SftpChannel, handle: Uint8Array): void {
  sftp.command(SFTP_MESSAGES.close, (writer) => writer.string(handle)).catch(() => undefined);
}

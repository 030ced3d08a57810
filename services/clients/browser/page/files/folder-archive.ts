// The folder archive: a folder of the job and all that is below it as a tar, while it is read.
import { FileFault, type FolderEntry, type PageFiles } from '../../job/job-files.ts';
import { MAX_ARCHIVE_DEPTH, MAX_ARCHIVE_FILL_BYTES } from '../dom/limits.ts';
import { chunksOf } from '../dom/stream-chunks.ts';
import { isOfOneEntry } from './entry-fault.ts';
import { pathIn } from './path.ts';
import { TAR_END, type TarEntry, tarHeader, tarPadding } from './tar-header.ts';

/** What the person hears when it is done. */
export interface ArchiveReport {
  files: number;
  /** Links, devices and names that are no text are left out, and what may not be read. */
  leftOut: number;
  /** Folders of which only the first entries are in it: they have more than a page lists. */
  cut: number;
}

/**
 * The bytes; `report` is written on the way. Rejects with a FileFault if the folder itself cannot be read, or if the channel of
 * its files is gone or makes no sense: what is there then is no archive.
 */
export async function* archiveOf(
  files: PageFiles,
  path: string,
  name: string,
  report: ArchiveReport,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  yield* folderOf(files, path, name, report, signal, 0);
  yield TAR_END;
}

async function* folderOf(
  files: PageFiles,
  path: string,
  name: string,
  report: ArchiveReport,
  signal: AbortSignal,
  depth: number,
): AsyncGenerator<Uint8Array> {
  const { entries, isWhole } = await files.list(path);
  if (!isWhole) report.cut += 1;
  yield tarHeader({ path: name, kind: 'folder', size: 0, permissions: 0o755, modified: 0 });
  for (const entry of entries) {
    signal.throwIfAborted();
    const raw = entry.name.rawTextToParse();
    const [from, to] = [pathIn(path, raw), `${name}/${raw}`];
    if (!entry.isReachable) report.leftOut += 1;
    else if (entry.kind === 'folder' && depth < MAX_ARCHIVE_DEPTH) {
      try {
        yield* folderOf(files, from, to, report, signal, depth + 1);
      } catch (error) {
        if (!isOfOneFile(error, signal)) throw error;
        report.leftOut += 1;
      }
    } else if (entry.kind === 'file') yield* fileOf(files, from, tarEntry(entry, to), report, signal);
    else report.leftOut += 1;
  }
}

async function* fileOf(
  files: PageFiles,
  path: string,
  entry: TarEntry,
  report: ArchiveReport,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let content: ReadableStream<Uint8Array>;
  try {
    content = await files.read(path, { signal });
  } catch (error) {
    if (!isOfOneFile(error, signal)) throw error;
    report.leftOut += 1;
    return;
  }
  yield tarHeader(entry);
  let left = entry.size;
  let isRead = true;
  try {
    // A file that grows or shrinks meanwhile has the size that its header says.
    for await (const bytes of chunksOf(content)) {
      const part = bytes.subarray(0, left);
      left -= part.length;
      if (part.length > 0) yield part;
      if (left === 0) break;
    }
  } catch (error) {
    if (!isOfOneFile(error, signal)) throw error;
    isRead = false;
  }
  if (left > MAX_ARCHIVE_FILL_BYTES)
    throw new FileFault('bad_answer', 'a file has much less in it than the job says');
  for (const size of pieces(left + tarPadding(entry.size))) yield new Uint8Array(size);
  if (isRead) report.files += 1;
  else report.leftOut += 1;
}

/** Whether the job has answered, and only this file or folder cannot be had: anything else is no end of an archive. */
function isOfOneFile(error: unknown, signal: AbortSignal): boolean {
  return !signal.aborted && isOfOneEntry(error);
}

/** Zeros come in pieces of a megabyte at most. */
function pieces(bytes: number): readonly number[] {
  const whole = 1_048_576;
  const rest = bytes % whole;
  return [...Array<number>(Math.floor(bytes / whole)).fill(whole), ...(rest > 0 ? [rest] : [])];
}

function tarEntry({ size, permissions, modifiedMs }: FolderEntry, path: string): TarEntry {
  return {
    path,
    kind: 'file',
    size: size ?? 0,
    permissions: permissions ?? 0o644,
    modified: (modifiedMs ?? 0) / 1_000,
  };
}

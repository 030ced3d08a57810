// The folder archive: a folder of the job and all that is below it as a tar, while it is read.
import type { FolderEntry, PageFiles } from '../../job/job-files.ts';
import { MAX_ARCHIVE_DEPTH } from '../dom/limits.ts';
import { chunksOf } from '../dom/stream-chunks.ts';
import { pathIn } from './path.ts';
import { TAR_END, type TarEntry, tarHeader, tarPadding } from './tar-header.ts';

/** What the person hears when it is done. */
export interface ArchiveReport {
  files: number;
  /** Links, devices and names that are no text are left out, and what may not be read. */
  leftOut: number;
}

/** The bytes; `report` is written on the way. Rejects with a FileFault only if the folder itself cannot be read. */
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
  const { entries } = await files.list(path);
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
        if (signal.aborted) throw error;
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
    if (signal.aborted) throw error;
    report.leftOut += 1;
    return;
  }
  yield tarHeader(entry);
  let left = entry.size;
  // A file that grows or shrinks meanwhile has the size that its header says.
  for await (const bytes of chunksOf(content)) {
    const part = bytes.subarray(0, left);
    left -= part.length;
    if (part.length > 0) yield part;
    if (left === 0) break;
  }
  for (const size of pieces(left + tarPadding(entry.size))) yield new Uint8Array(size);
  report.files += 1;
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

// A transfer: one file or folder on its way, up or down. One that lost its connection goes on where it was.
import { JobFault } from '../../job/job-fault.ts';
import { type FileFacts, FileFault, type PageFiles } from '../../job/job-files.ts';
import { chunksOf } from '../dom/stream-chunks.ts';
import { faultSentence } from './file-text.ts';
import { archiveOf } from './folder-archive.ts';
import { pourFile } from './pour-file.ts';

export type TransferState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'running' }
  /** Goes on once it is waiting again: `lost`, the connection is gone; `closed`, the job has closed the channel of its files. */
  | { readonly kind: 'interrupted'; readonly why: 'lost' | 'closed' }
  | { readonly kind: 'failed'; readonly sentence: string }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'done'; readonly sentence: string };

/** Where a download goes. */
export interface SaveTarget {
  /** Appends. Rejects where the disk or the limit is full. */
  write(bytes: Uint8Array): Promise<void>;
  /** All of it is there. */
  finish(): Promise<void>;
  /** Throws away what is there. Never rejects. */
  discard(): Promise<void>;
}

/** What there is to be done, from a place on. */
export interface TransferWork {
  readonly way: 'up' | 'down';
  readonly name: string;
  /** In bytes; undefined if nobody knows (yet). */
  readonly size: number | undefined;
  /** Beside the bytes: what is done at the moment. */
  readonly detail?: string | undefined;
  /** Moves bytes and tells how many more; `from` is what was moved before. Resolves to what is to be said at the end. */
  run(files: PageFiles, from: number, moved: (bytes: number) => void, signal: AbortSignal): Promise<string>;
  /** It will not be finished. Never rejects. */
  drop(): Promise<void>;
  /** False for what must begin anew. */
  readonly canResume: boolean;
}

export class Transfer {
  readonly work: TransferWork;
  #state: TransferState = { kind: 'waiting' };
  #moved = 0;
  #abort = new AbortController();
  readonly #changed: (transfer: Transfer) => void;

  constructor(work: TransferWork, changed: (transfer: Transfer) => void) {
    this.work = work;
    this.#changed = changed;
  }

  get state(): TransferState {
    return this.#state;
  }

  /** In bytes. */
  get moved(): number {
    return this.#moved;
  }

  /** Runs, or goes on, if it is waiting. Never rejects. */
  async run(open: () => Promise<PageFiles>): Promise<void> {
    if (this.#state.kind !== 'waiting') return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#enter({ kind: 'running' });
    const from = this.#moved;
    try {
      const files = await open();
      signal.throwIfAborted();
      const sentence = await this.work.run(
        files,
        from,
        (bytes) => {
          this.#moved += bytes;
          this.#changed(this);
        },
        signal,
      );
      this.#enter({ kind: 'done', sentence });
    } catch (error) {
      if (signal.aborted) return;
      const why = interruptionBy(error);
      const mayGoOn = this.work.canResume || this.#moved === 0;
      if (why !== undefined && mayGoOn) return this.#enter({ kind: 'interrupted', why });
      await this.work.drop();
      this.#enter({ kind: 'failed', sentence: faultSentence(error) });
    }
  }

  /** One that was interrupted waits for its turn again. May be called in every state. */
  goOn(): void {
    if (this.#state.kind === 'interrupted') this.#enter({ kind: 'waiting' });
  }

  /** May be called in every state. */
  cancel(): void {
    if (['done', 'failed', 'cancelled'].includes(this.#state.kind)) return;
    this.#enter({ kind: 'cancelled' });
    this.#abort.abort();
    void this.work.drop();
  }

  #enter(state: TransferState): void {
    this.#state = state;
    this.#changed(this);
  }
}

function interruptionBy(error: unknown): 'lost' | 'closed' | undefined {
  if (error instanceof JobFault) return error.code === 'ended' ? 'lost' : undefined;
  if (!(error instanceof FileFault)) return undefined;
  if (error.code === 'ended') return 'lost';
  return error.code === 'closed' ? 'closed' : undefined;
}

/** A file of this machine, to `path` in the job. */
export function uploadOf(file: File, path: string): TransferWork {
  return {
    way: 'up',
    name: file.name,
    size: file.size,
    canResume: true,
    async run(files, from, moved, signal) {
      // What was told may not have been written: what is there counts. It was written from the front on.
      const there = from === 0 ? 0 : Math.min(from, (await files.stat(path)).size ?? 0);
      moved(there - from);
      const target = await files.write(path, { from: there === 0 ? 'new' : there, signal });
      await pourFile(file.slice(there), target, moved, signal);
      return 'uploaded';
    },
    drop: () => Promise.resolve(),
  };
}

/** A file of the job, into `target`. */
export function downloadOf(
  path: string,
  {
    name,
    size,
    target,
  }: { readonly name: string; readonly size: number | undefined; readonly target: SaveTarget },
): TransferWork {
  let begun: FileFacts | undefined;
  return {
    way: 'down',
    name,
    size,
    canResume: true,
    async run(files, from, moved, signal) {
      const facts = await files.stat(path);
      if (from === 0) begun = facts;
      else if (facts.size !== begun?.size || facts.modifiedMs !== begun?.modifiedMs)
        throw new Error('it has changed in the job while the connection was lost: download it again');
      for await (const bytes of chunksOf(await files.read(path, { from, signal }))) {
        signal.throwIfAborted();
        await target.write(bytes);
        moved(bytes.length);
      }
      await target.finish();
      return 'downloaded';
    },
    drop: () => target.discard(),
  };
}

/** A folder of the job as a tar, into `target`. It is made while it is read, so it cannot go on later. */
export function folderDownloadOf(path: string, name: string, target: SaveTarget): TransferWork {
  return {
    way: 'down',
    name: `${name}.tar`,
    size: undefined,
    canResume: false,
    async run(files, _from, moved, signal) {
      const report = { files: 0, leftOut: 0, cut: 0 };
      for await (const bytes of archiveOf(files, path, name, report, signal)) {
        signal.throwIfAborted();
        await target.write(bytes);
        moved(bytes.length);
      }
      await target.finish();
      const leftOut =
        report.leftOut === 0 ? '' : `, without ${report.leftOut} links and files that cannot be read`;
      const cut =
        report.cut === 0 ? '' : `; of ${report.cut} folders only the first files, they have too many`;
      return `downloaded ${report.files} files${leftOut}${cut}`;
    },
    drop: () => target.discard(),
  };
}

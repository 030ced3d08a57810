// The files of a job: what a page can do with them, by SFTP.
import type { Untrusted } from '#shared/text/untrusted.ts';

export type FileKind = 'file' | 'folder' | 'link' | 'other';

/** What is known of a file; undefined where the host does not say. */
export interface FileFacts {
  readonly kind: FileKind;
  /** In bytes; a whole number up to 2^53 - 1. */
  readonly size: number | undefined;
  /** In milliseconds since the epoch. */
  readonly modifiedMs: number | undefined;
  /** The lower twelve bits of its mode. */
  readonly permissions: number | undefined;
  readonly owner: FileOwner | undefined;
}

/** As numbers of the job's system. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * An entry of a folder, without `.` and `..`. The name is one segment: it holds no slash, is not empty and not `..`; all else is
 * possible, also what is no UTF-8 (then `name.rawTextToParse()` holds U+FFFD and the path cannot be asked for: `isReachable`).
 */
export interface FolderEntry extends FileFacts {
  readonly name: Untrusted;
  readonly isReachable: boolean;
}

export interface Folder {
  readonly entries: readonly FolderEntry[];
  /** False if the folder holds more than MAX_FOLDER_ENTRIES: these are the first. */
  readonly isWhole: boolean;
}

export interface FileReadOptions {
  /** The offset of the first byte; 0 by default. */
  readonly from?: number;
  readonly signal?: AbortSignal;
}

export interface FileWriteOptions {
  /**
   * `new`: made or emptied first (the default). `fresh`: made, and refused where anything has that name, a link too. A number:
   * the file is there and is written from this offset on, for an upload that was interrupted.
   */
  readonly from?: 'new' | 'fresh' | number;
  /** Of a file that is made, at most: the job may take some away. Its own default if left out. */
  readonly permissions?: number;
  readonly signal?: AbortSignal;
}

/** What is to be changed of a file. */
export type FileChanges =
  /** Of a longer file the end is cut off. */
  | { readonly kind: 'size'; readonly size: number }
  | { readonly kind: 'permissions'; readonly permissions: number }
  | { readonly kind: 'owner'; readonly owner: FileOwner };

/** Paths are as the job has them, `/` between segments; relative ones begin at the home folder. All reject with a FileFault. */
export interface PageFiles {
  /** True once this channel is gone: every call rejects from then on. */
  readonly isOver: boolean;
  /** The absolute path, without links; `.` is where one begins. */
  realPath(path: string): Promise<string>;
  list(path: string): Promise<Folder>;
  /** Follows links. */
  stat(path: string): Promise<FileFacts>;
  /** The same of what has that name, be it a link. */
  lstat(path: string): Promise<FileFacts>;
  /** Many requests on their way at once, in order; reads no further ahead than MAX_READ_AHEAD_BYTES of what is taken. */
  read(path: string, options?: FileReadOptions): Promise<ReadableStream<Uint8Array>>;
  /** `close` resolves when all is written and the file is closed. `abort` leaves what is written. */
  write(path: string, options?: FileWriteOptions): Promise<WritableStream<Uint8Array>>;
  change(path: string, changes: FileChanges): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** Replaces `to` if it is there, where the host can do that. */
  rename(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Only an empty one. */
  removeFolder(path: string): Promise<void>;
  /** Ends this channel; what is on its way rejects. May be called twice. */
  close(): void;
}

export type FileFaultCode =
  | 'no_such_file'
  | 'permission_denied'
  /** The host says no more than that: not empty, already there, no room. */
  | 'failure'
  | 'unsupported'
  /** The connection is gone, or this end has closed the channel. */
  | 'ended'
  /** The job has closed this channel; another one may be opened. */
  | 'closed'
  /** Given up by the caller's signal. */
  | 'aborted'
  /** What the host said is no SFTP, or over a limit. */
  | 'bad_answer';

/** What a call on files fails with. `said` is the host's own text, if it is anything. */
export class FileFault extends Error {
  readonly code: FileFaultCode;
  readonly said: Untrusted | undefined;
  constructor(code: FileFaultCode, message: string, said?: Untrusted) {
    super(message);
    this.name = 'FileFault';
    this.code = code;
    this.said = said;
  }
}

// The files of the job as SFTP shows them: paths with `/`, whatever the system has, and attributes as POSIX has them.
import type { Stats } from 'node:fs';

/** A path as Node's calls take it: bytes where names are bytes, text where they are text. */
export type SystemPath = Buffer | string;

/** No file can have this name or path here; `message` says why. */
export class PathError extends Error {
  readonly code = 'path_impossible';
  override readonly name = 'PathError';
}

/** The names in a directory that was opened, without `.` and `..`. Both throw the system's error. */
export interface DirectoryNames {
  /** Undefined at the end. */
  read(): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

export interface JobFiles {
  /** What a client sees of a path of this system, such as the directory of the job. */
  shown(path: string): Buffer;
  /**
   * The path that a client means; `cwd`, as it is shown, is where a relative one begins. An empty path stays empty and so gets
   * ENOENT from the system. A copy: it may be kept when the packet is gone. @throws PathError
   */
  systemPath(path: Buffer, cwd: Buffer): SystemPath;
  /**
   * The canonical form as it is shown: no `.` or `..`. As in OpenSSH the last name need not exist, so that a client can ask about
   * what it is about to create. Throws the system's error for anything else.
   */
  canonical(path: SystemPath): Promise<Buffer>;
  /** Names are read in batches of about `batch`. Throws the system's error. */
  openDirectory(path: SystemPath, batch: number): Promise<DirectoryNames>;
  /** What lies there under a name. */
  entryOf(directory: SystemPath, name: Buffer): SystemPath;
  /** What a symbolic link says, as it is shown. Throws the system's error. */
  readLink(path: SystemPath): Promise<Buffer>;
  /** Throws the system's error. @throws PathError */
  makeLink(target: Buffer, path: SystemPath): Promise<void>;
  /** The same with the attributes that clients see. */
  seen(stats: Stats): Stats;
  /** Why nobody can be made the owner of a file; undefined where somebody can. */
  readonly ownerRefusal: string | undefined;
}

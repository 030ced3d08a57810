// A refusal: a request that gets a STATUS other than OK, and which status each system error becomes.
import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';
import type { StatusCode } from './wire.ts';

export type StatusName = keyof typeof StatusCode;

/** Ends a request with this status and text. */
export class StatusRefusal extends Error {
  readonly code: StatusName;

  constructor(code: StatusName, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

const { errno } = constants;

/**
 * OpenSSH's mapping, so that clients which know OpenSSH read the same outcome, except EBADF: to write to a handle
 * that was opened for reading is a FAILURE here, not NO_SUCH_FILE.
 */
const STATUS_BY_ERRNO: ReadonlyMap<number, StatusName> = new Map([
  [errno.ENOENT, 'NO_SUCH_FILE'],
  [errno.ENOTDIR, 'NO_SUCH_FILE'],
  [errno.ELOOP, 'NO_SUCH_FILE'],
  [errno.EPERM, 'PERMISSION_DENIED'],
  [errno.EACCES, 'PERMISSION_DENIED'],
  [errno.EFAULT, 'PERMISSION_DENIED'],
  [errno.EINVAL, 'BAD_MESSAGE'],
  [errno.ENAMETOOLONG, 'BAD_MESSAGE'],
  [errno.ENOSYS, 'OP_UNSUPPORTED'],
]);

/** Texts for errors that libuv has no text for, or says too little about. */
const TEXT_BY_ERRNO: ReadonlyMap<number, string> = new Map([
  [errno.EDQUOT, 'disk quota exceeded'],
  [errno.EBADF, 'the handle is not open for this'],
  [errno.ESTALE, 'stale file handle: the file is gone from its server'],
  [errno.EXDEV, 'source and target are on different file systems'],
]);

/** A failure of the operating system, as Node reports it: `errno` is negative. */
interface SystemError extends Error {
  readonly errno: number;
}

/** Whether `error` is a failure of the operating system; with `code`, whether it is this one (`'ENOENT'`). */
export function isSystemError(error: unknown, code?: keyof typeof errno): error is SystemError {
  return (
    error instanceof Error &&
    'errno' in error &&
    typeof error.errno === 'number' &&
    (code === undefined || -error.errno === errno[code])
  );
}

/**
 * The status and text that a client gets for `error`; the text names `subject` (a path) and the reason.
 * An error that is neither a StatusRefusal nor the system's is a fault of this program and says no more than that.
 */
export function refusalFrom(error: unknown, subject: string): StatusRefusal {
  const prefix = subject === '' ? '' : `${subject}: `;
  if (error instanceof StatusRefusal) return new StatusRefusal(error.code, prefix + error.message);
  if (isSystemError(error)) {
    const text =
      TEXT_BY_ERRNO.get(-error.errno) ?? getSystemErrorMessage(error.errno) ?? `system error ${-error.errno}`;
    return new StatusRefusal(STATUS_BY_ERRNO.get(-error.errno) ?? 'FAILURE', prefix + text);
  }
  return new StatusRefusal('FAILURE', `${prefix}internal error in the sftp server`);
}

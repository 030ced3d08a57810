// A refusal: a request that gets a STATUS other than OK, and which status each system error becomes.
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { PathError } from '../platform/job-files.ts';
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

/**
 * OpenSSH's mapping, so that clients which know OpenSSH read the same outcome, except EBADF: to write to a handle
 * that was opened for reading is a FAILURE here, not NO_SUCH_FILE.
 */
const STATUS_BY_CODE: ReadonlyMap<string, StatusName> = new Map([
  ['ENOENT', 'NO_SUCH_FILE'],
  ['ENOTDIR', 'NO_SUCH_FILE'],
  ['ELOOP', 'NO_SUCH_FILE'],
  ['EPERM', 'PERMISSION_DENIED'],
  ['EACCES', 'PERMISSION_DENIED'],
  ['EFAULT', 'PERMISSION_DENIED'],
  ['EINVAL', 'BAD_MESSAGE'],
  ['ENAMETOOLONG', 'BAD_MESSAGE'],
  ['ENOSYS', 'OP_UNSUPPORTED'],
]);

/** Texts for errors that libuv has no text for, or says too little about. */
const TEXT_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['EDQUOT', 'disk quota exceeded'],
  ['EBADF', 'the handle is not open for this'],
  ['ESTALE', 'stale file handle: the file is gone from its server'],
  ['EXDEV', 'source and target are on different file systems'],
]);

/** Names and texts of libuv's numbers. Asked for once: Node makes the whole table anew each time. */
const SYSTEM_ERRORS = getSystemErrorMap();

/** Those that libuv has no name for, by the system's own numbers. */
const OTHER_CODES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([code, errno]) => [errno, code]),
);

/** A failure of the operating system, as Node reports it: `errno` is negative. */
interface SystemError extends Error {
  readonly errno: number;
}

/** Whether `error` is a failure of the operating system; with `code`, whether it is this one (`'ENOENT'`). */
export function isSystemError(error: unknown, code?: string): error is SystemError {
  return (
    error instanceof Error &&
    'errno' in error &&
    typeof error.errno === 'number' &&
    (code === undefined || codeOf(error.errno) === code)
  );
}

/** The numbers are libuv's, which on Windows are not those of the C library. */
function codeOf(errno: number): string | undefined {
  return SYSTEM_ERRORS.get(errno)?.[0] ?? OTHER_CODES.get(-errno);
}

/**
 * The status and text that a client gets for `error`; the text names `subject` (a path) and the reason.
 * An error that is neither a StatusRefusal nor the system's is a fault of this program and says no more than that.
 */
export function refusalFrom(error: unknown, subject: string): StatusRefusal {
  const prefix = subject === '' ? '' : `${subject}: `;
  if (error instanceof StatusRefusal) return new StatusRefusal(error.code, prefix + error.message);
  if (error instanceof PathError) return new StatusRefusal('NO_SUCH_FILE', prefix + error.message);
  if (isSystemError(error)) {
    const code = codeOf(error.errno) ?? '';
    const text =
      TEXT_BY_CODE.get(code) ?? SYSTEM_ERRORS.get(error.errno)?.[1] ?? `system error ${-error.errno}`;
    return new StatusRefusal(STATUS_BY_CODE.get(code) ?? 'FAILURE', prefix + text);
  }
  return new StatusRefusal('FAILURE', `${prefix}internal error in the sftp server`);
}

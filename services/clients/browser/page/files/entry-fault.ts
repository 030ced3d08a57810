// Entry faults: whether only one file or folder of many cannot be had, and the others go on.
import { FileFault } from '../../job/job-files.ts';

/** True where the job has answered, and this is its answer; false where the channel is gone, makes no sense, or was given up. */
export function isOfOneEntry(error: unknown): boolean {
  if (!(error instanceof FileFault)) return false;
  switch (error.code) {
    case 'no_such_file':
    case 'permission_denied':
    case 'failure':
    case 'unsupported':
      return true;
    case 'ended':
    case 'closed':
    case 'aborted':
    case 'bad_answer':
      return false;
  }
}

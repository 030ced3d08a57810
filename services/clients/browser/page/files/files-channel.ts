// The files channel: one channel for the files of a job, opened at the first use, and anew once the job has closed it.
import { JobFault } from '../../job/job-fault.ts';
import type { PageFiles } from '../../job/job-files.ts';

interface Opened {
  readonly opening: Promise<PageFiles>;
  files: PageFiles | undefined;
}

/** What may open one; undefined while no job is open. */
export type FilesOpener = (() => Promise<PageFiles>) | undefined;

export class FilesChannel {
  readonly #opener: () => FilesOpener;
  #opened: Opened | undefined;

  /** `opener` is asked each time a channel is needed. */
  constructor(opener: () => FilesOpener) {
    this.#opener = opener;
  }

  /** The channel; rejects with a JobFault or FileFault if there can be none now, and tries again at the next call. */
  files(): Promise<PageFiles> {
    if (this.#opened !== undefined && this.#opened.files?.isOver !== true) return this.#opened.opening;
    const open = this.#opener();
    if (open === undefined) return Promise.reject(new JobFault('ended', 'the job is not open'));
    const opened: Opened = { opening: open(), files: undefined };
    this.#opened = opened;
    opened.opening.then(
      (files) => {
        opened.files = files;
      },
      () => {
        if (this.#opened === opened) this.#opened = undefined;
      },
    );
    return opened.opening;
  }

  /** There is another job. */
  forget(): void {
    this.#opened = undefined;
  }
}

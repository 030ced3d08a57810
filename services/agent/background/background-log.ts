// The log of a background agent: to the job that waits for the card until that is said, and to a file from then on.
import { writeSync } from 'node:fs';
import { type PrintableLine, printableLine } from '#shared/text/printable.ts';
import { formatStartWord, type StartWord } from './start-words.ts';

/** The longest log, in bytes: strangers have lines in it too, though few. */
export const MAX_LOG_BYTES = 8_388_608;

/** Standard output is the pipe to the starter, standard error the file. */
export interface LogFiles {
  readonly starter: number;
  readonly file: number;
}

/** Where the lines of the agent go. Never throws: a full disk ends no session. */
export class BackgroundLog {
  readonly #files: LogFiles;
  readonly #onStarterGone: () => void;
  #isOpen = false;
  #written = 0;

  /** `onStarterGone`: nobody has heard how to get in, and nobody will. May be called more than once. */
  constructor(files: LogFiles, onStarterGone: () => void) {
    this.#files = files;
    this.#onStarterGone = onStarterGone;
  }

  readonly line = (text: PrintableLine): void => {
    if (this.#isOpen) this.#keep(text);
    else this.#tell({ kind: 'line', text });
  };

  readonly complaint = (text: string): void => {
    if (this.#isOpen) this.#keep(printableLine(`agent: ${text}`));
    else this.#tell({ kind: 'complaint', text });
  };

  /** The announcement has been said. */
  open(): void {
    this.#tell({ kind: 'open' });
    this.#isOpen = true;
  }

  #tell(word: StartWord): void {
    try {
      writeSync(this.#files.starter, formatStartWord(word));
    } catch {
      this.#onStarterGone();
    }
  }

  #keep(text: PrintableLine): void {
    const line = Buffer.from(`${text}\n`);
    if (this.#written + line.length > MAX_LOG_BYTES) return;
    this.#written += line.length;
    try {
      writeSync(this.#files.file, line);
    } catch {
      // No room: the sessions go on.
    }
  }
}

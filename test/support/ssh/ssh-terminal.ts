// A person at a terminal: a program in a real pty, driven by keys and read by eye.
import type { ProcessEnd } from '../../../services/agent/platform/process-end.ts';
import { openAddonDevice } from '../../../services/agent/pty/addon-device.ts';
import { openPty } from '../../../services/agent/pty/pty.ts';
import { CLIENT_ENV } from './ssh-host.ts';

/** As for any process of these tests: a login through everything, on two busy cores. */
const DEADLINE_MS = 60_000;

/** A terminal in use. */
export interface Terminal {
  /** All output so far, as text. */
  readonly screen: () => string;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until new output (after the last match) matches, and returns the match; fails with the output at the deadline. */
  see(pattern: RegExp): Promise<RegExpExecArray>;
  readonly exited: Promise<ProcessEnd>;
  close(): void;
}

export function openTerminal(file: string, args: string[], env: Record<string, string> = {}): Terminal {
  let output = '';
  let seen = 0;
  let look = (): void => {};
  const decoder = new TextDecoder();
  const pty = openPty(
    openAddonDevice,
    {
      file: '/usr/bin/env', // which finds it on PATH
      argv: ['env', file, ...args],
      env: () => new Map(Object.entries({ ...CLIENT_ENV, ...env })),
      cwd: '/',
      columns: 100,
      rows: 30,
    },
    {
      data(chunk) {
        output += decoder.decode(chunk, { stream: true });
        look();
      },
      drained() {},
    },
  );
  return {
    screen: () => output,
    type: (keys) => void pty.write(Buffer.from(keys)),
    resize: (columns, rows) => {
      pty.resize(columns, rows);
    },
    async see(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const deadline = setTimeout(() => {
        reject(new Error(`${pattern} was not seen in ${JSON.stringify(output.slice(seen))}`));
      }, DEADLINE_MS);
      look = () => {
        const match = pattern.exec(output.slice(seen));
        if (match === null) return;
        seen += match.index + match[0].length;
        resolve(match);
      };
      look();
      try {
        return await promise;
      } finally {
        clearTimeout(deadline);
        look = () => {};
      }
    },
    exited: pty.exited,
    close: () => {
      pty.hangUp();
    },
  };
}

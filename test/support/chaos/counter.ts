// A counter in an interactive shell: a person types one line, and every number must come out once and in order.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Way } from '../laptop/laptop.ts';
import type { Terminal } from '../ssh/ssh-terminal.ts';
import { until } from '../time/poll.ts';

/** What the shell says at the end, so that its own exit code is seen and not another's. */
const EXIT_CODE = 42;

/** A relay that is not back by then will not be; on two busy cores. */
const MOVES_WITHIN_MS = 60_000;

export interface Counter {
  readonly terminal: Terminal;
  /** Waits for the next number on the screen. */
  moves(): Promise<void>;
  /** Lets it count to the end, checks every number, and leaves the shell. Gives the last number. */
  stop(): Promise<number>;
}

/** `job` is the folder of the agent that `way` leads to; `name` sets this counter apart from others there. */
export async function startCounter(way: Way, job: string, name = 'counter'): Promise<Counter> {
  const terminal = way.openTerminal();
  await terminal.see(/[$#] $/);
  terminal.type('echo "shell $$"\r');
  const [, shell = ''] = await terminal.see(/shell (\d+)\r\n/);
  terminal.type(
    `n=0; until test -e ${name}.stop; do n=$((n+1)); echo "line $n"; sleep 0.05; done; echo "last $n"\r`,
  );
  await terminal.see(/line 1\r\n/);
  return {
    terminal,
    async moves() {
      const seen = terminal.screen().length;
      await until(`${name} goes on`, () => terminal.screen().indexOf('line', seen) > 0, MOVES_WITHIN_MS);
    },
    async stop() {
      await writeFile(join(job, `${name}.stop`), '');
      const [, last = ''] = await terminal.see(/last (\d+)\r\n/);
      expect(numbersOn(terminal.screen())).toEqual(Array.from({ length: Number(last) }, (_, n) => n + 1));
      terminal.type('echo "still $$"\r');
      expect((await terminal.see(/still (\d+)\r\n/))[1]).toBe(shell);
      terminal.type(`exit ${EXIT_CODE}\r`);
      expect(await terminal.exited).toMatchObject({ code: EXIT_CODE });
      return Number(last);
    },
  };
}

/** Lines of wsproxy stand among those of the counter, wherever they came. */
function numbersOn(screen: string): number[] {
  const text = screen.replaceAll(/wsproxy: [^\n]*\n/g, '');
  return [...text.matchAll(/^line (\d+)\r$/gm)].map(([, digits]) => Number(digits));
}

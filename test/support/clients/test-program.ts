// A client program of one test: it is killed when the test that asked for it is over.
import { onTestFinished } from 'vitest';
import { type ClientProgram, startClientProgram } from '../process/client-program.ts';

/** Starts it from its sources, within a test. */
export function openClientProgram(...start: Parameters<typeof startClientProgram>): ClientProgram {
  const program = startClientProgram(...start);
  onTestFinished(async () => {
    program.child.kill('SIGKILL');
    await program.exit;
  });
  return program;
}

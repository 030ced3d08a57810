// A step of the action as a process: its environment, its log, its signals, its exit code.
import { runHarmless, type StepProcess } from './action-steps.ts';

/** Runs one of the two steps to its end. Nothing of ours makes the exit code another one than 0. */
export async function runAsProcess(run: (step: StepProcess) => Promise<number>): Promise<void> {
  const step: StepProcess = {
    env: process.env,
    write: (text) => process.stdout.write(text),
    onCancel: (listener) => {
      process.on('SIGINT', listener).on('SIGTERM', listener);
      return () => process.off('SIGINT', listener).off('SIGTERM', listener);
    },
  };
  process.exitCode = await runHarmless(step, run);
}

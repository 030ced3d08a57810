// The action at the end of the job, the process.
import { runPostStep } from './action-steps.ts';
import { runAsProcess } from './step-process.ts';

await runAsProcess(runPostStep);

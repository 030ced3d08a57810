// The action at its place in the job, the process.
import { runMainStep } from './action-steps.ts';
import { runAsProcess } from './step-process.ts';

await runAsProcess(runMainStep);

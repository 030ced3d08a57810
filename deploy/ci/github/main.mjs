// What a runner starts at the action's place in the job.
import { runFromSources } from './from-sources.mjs';

await runFromSources('./main.ts');

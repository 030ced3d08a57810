// What a runner starts at the end of the job.
import { runFromSources } from './from-sources.mjs';

await runFromSources('./post.ts');

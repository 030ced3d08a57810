// `npm run lint`: every check that runs no product code, to the end, so that one run names all that fails.
import { runStage, STATIC_STAGES } from './stages.ts';

const failed: string[] = [];
for (const stage of STATIC_STAGES) if (!(await runStage(stage))) failed.push(stage.name);

if (failed.length > 0) {
  console.log(`\nfailed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

// GitHub's own parser of actions and workflows, as a judge: what it does not take, no runner takes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as workflows from '@actions/workflow-parser';
import type * as actions from '@actions/workflow-parser/actions/action-parser';
import { buildSync } from 'esbuild';
import { ROOT } from '../../../deploy/build/source-tree.ts';

type Parser = Pick<typeof workflows, 'NoOperationTraceWriter' | 'parseWorkflow'> &
  Pick<typeof actions, 'parseAction'>;

export interface WorkflowJudge {
  /** One sentence each. */
  actionFaults(text: string): string[];
  workflowFaults(text: string): string[];
}

/** The package imports JSON in a way that bundlers take and Node refuses, so it is bundled first. */
export function openWorkflowJudge(): WorkflowJudge {
  const { outputFiles } = buildSync({
    stdin: {
      contents:
        "export { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';" +
        "export { parseAction } from '@actions/workflow-parser/actions/action-parser';",
      resolveDir: ROOT,
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  const folder = mkdtempSync(join(tmpdir(), 'converge-judge-'));
  const file = join(folder, 'judge.cjs');
  writeFileSync(file, outputFiles[0]?.contents ?? '');
  const { parseAction, parseWorkflow, NoOperationTraceWriter } = createRequire(file)(file) as Parser;
  rmSync(folder, { recursive: true });
  const judge =
    (parse: typeof parseAction | typeof parseWorkflow) =>
    (content: string): string[] => {
      const { context } = parse({ name: 'judged.yml', content }, new NoOperationTraceWriter());
      return context.errors.getErrors().map(({ message }) => message);
    };
  return { actionFaults: judge(parseAction), workflowFaults: judge(parseWorkflow) };
}

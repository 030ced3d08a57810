// `npm run test:cluster`: the chart on a real cluster, that of the current KUBECONFIG. Says so when there is none.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { findKubernetesTools } from '../../deploy/build/kubernetes-tools.ts';
import { ROOT } from '../../deploy/build/source-tree.ts';

/** Neither passed nor failed. */
const EXIT_DID_NOT_RUN = 2;
const ANSWER_WITHIN = '10s';

const reason = await findObstacle();
if (reason !== undefined) {
  console.error(`test:cluster did not run: ${reason}`);
  process.exitCode = EXIT_DID_NOT_RUN;
} else {
  process.exitCode = await runTests();
}

/** What is missing, or undefined. */
async function findObstacle(): Promise<string | undefined> {
  if (process.env['CONVERGE_IMAGE'] === undefined)
    return 'set CONVERGE_IMAGE to an image that the cluster can pull, such as REGISTRY/converge:0.1.0';
  const { kubectl } = await findKubernetesTools();
  try {
    await promisify(execFile)(kubectl, ['version', '--request-timeout', ANSWER_WITHIN]);
    return undefined;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? String(error);
    return `no cluster answers for the current KUBECONFIG (${said.trim().split('\n').at(-1)})`;
  }
}

async function runTests(): Promise<number> {
  const path = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const child = spawn('vitest', ['run', '--project', 'cluster'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

// `npm run test:cluster`: the chart on a real cluster, that of the current KUBECONFIG. Says so when there is none.
// CONVERGE_IMAGE: an image that the cluster can pull, of this version. CONVERGE_VALUES: a file of values for the cluster.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { findKubernetesTools } from '../../deploy/build/kubernetes-tools.ts';
import { ROOT } from '../../deploy/build/source-tree.ts';

/** Neither passed nor failed. */
const EXIT_DID_NOT_RUN = 2;
const ANSWER_WITHIN = '10s';
const NAMESPACES_ARE_NEEDED = 'may not create namespaces, and this makes one of its own';

const reason = await findObstacle();
if (reason !== undefined) {
  console.error(`test:cluster did not run: ${reason}`);
  process.exitCode = EXIT_DID_NOT_RUN;
} else {
  process.exitCode =
    (await run('node', [join(ROOT, 'deploy/build/main.ts'), '--brief'])) || (await runTests());
}

/** What is missing, or undefined. */
async function findObstacle(): Promise<string | undefined> {
  if (process.env['CONVERGE_IMAGE'] === undefined)
    return 'set CONVERGE_IMAGE to an image that the cluster can pull, such as REGISTRY/converge:0.1.0';
  const { kubectl } = await findKubernetesTools();
  const ask = promisify(execFile);
  try {
    await ask(kubectl, ['version', '--request-timeout', ANSWER_WITHIN]);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? String(error);
    return `no cluster answers for the current KUBECONFIG (${said.trim().split('\n').at(-1)})`;
  }
  // The answer "no" is exit code 1.
  const mayCreate = await ask(kubectl, ['auth', 'can-i', 'create', 'namespaces']).catch(() => undefined);
  return mayCreate === undefined ? `the user of the current KUBECONFIG ${NAMESPACES_ARE_NEEDED}` : undefined;
}

function runTests(): Promise<number> {
  return run('vitest', ['run', '--project', 'cluster']);
}

async function run(program: string, args: readonly string[]): Promise<number> {
  const path = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const child = spawn(program, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

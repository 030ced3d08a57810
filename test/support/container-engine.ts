// A container engine: one that answers, else Debian's, started for the tests and stopped after them.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureCommands, findCommand } from '../../deploy/build/requirements.ts';
import { until } from './poll.ts';

/** Images stay here between runs, apart from those of an engine that the machine may have. */
const DATA_FOLDER = '/var/cache/converge/containers';
const START_WITHIN_MS = 60_000;

export interface ContainerEngine extends AsyncDisposable {
  /** True for one that was started here: it has no bridge, so containers use the network of the machine. */
  readonly isOurs: boolean;
  /** Runs `docker ARGS` and resolves to its standard output; rejects with what it printed. */
  docker(...args: string[]): Promise<string>;
}

export type EngineResult =
  | { readonly kind: 'engine'; readonly engine: ContainerEngine }
  /** None can be had, and why. */
  | { readonly kind: 'none'; readonly reason: string };

/** Finds an engine, or installs and starts one where this process is root on Debian. */
export async function openContainerEngine(): Promise<EngineResult> {
  if (findCommand('docker') !== undefined) {
    const docker = dockerAt(undefined);
    const answers = await docker('info', '--format', '{{.ServerVersion}}').then(
      (version) => version.trim() !== '',
      () => false,
    );
    if (answers)
      return { kind: 'engine', engine: { isOurs: false, docker, [Symbol.asyncDispose]: async () => {} } };
  }
  if (process.getuid?.() !== 0)
    return { kind: 'none', reason: 'no container engine answers, and starting one takes root' };
  try {
    await ensureCommands(['dockerd', 'docker']);
    return { kind: 'engine', engine: await startEngine() };
  } catch (error) {
    return { kind: 'none', reason: (error as Error).message };
  }
}

async function startEngine(): Promise<ContainerEngine> {
  const run = await mkdtemp(join(tmpdir(), 'converge-docker-'));
  await mkdir(DATA_FOLDER, { recursive: true });
  const socket = `unix://${join(run, 'docker.sock')}`;
  const daemon = spawn(
    findCommand('dockerd') ?? 'dockerd',
    [
      // No bridge and no rules: the machine's own network stays as it is.
      ['--iptables=false', '--ip6tables=false', '--bridge=none'],
      ['--data-root', DATA_FOLDER, '--exec-root', join(run, 'exec'), '--pidfile', join(run, 'pid')],
      ['--host', socket, '--log-level', 'error'],
    ].flat(),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const docker = dockerAt(socket);
  const stop = async () => {
    await endDaemon(daemon);
    // It leaves its network namespace mounted.
    await promisify(execFile)('umount', [join(run, 'exec/netns/default')]).catch(() => undefined);
    await rm(run, { recursive: true, force: true });
  };
  try {
    await until(
      'dockerd answers',
      () => {
        if (daemon.exitCode !== null) throw new Error(`dockerd ended with ${daemon.exitCode}: ${said}`);
        return docker('info').then(
          () => true,
          () => false,
        );
      },
      START_WITHIN_MS,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { isOurs: true, docker, [Symbol.asyncDispose]: stop };
}

async function endDaemon(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  await ended;
}

function dockerAt(socket: string | undefined): ContainerEngine['docker'] {
  // Debian's docker.io has no buildx: the builder that every engine has is enough for this Dockerfile.
  const env = {
    ...process.env,
    DOCKER_BUILDKIT: '0',
    ...(socket === undefined ? {} : { DOCKER_HOST: socket }),
  };
  return async (...args) => {
    const options = { env, maxBuffer: 64 * 1024 * 1024 };
    const { stdout, stderr } = await promisify(execFile)('docker', args, options);
    return stdout + stderr;
  };
}

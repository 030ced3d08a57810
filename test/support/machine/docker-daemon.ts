// dockerd, started for the tests in namespaces of its own: its processes and mounts are gone when it is, however that ends.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { until } from '../time/poll.ts';

/** Images stay here between runs, apart from those of an engine that the machine may have. */
const DATA_FOLDER = '/var/cache/converge/containers';
const START_WITHIN_MS = 60_000;
/** dockerd waits 15 s for its containerd. */
const END_WITHIN_MS = 30_000;
/** The end of an output tells why. */
const OUTPUT_TAIL_CHARACTERS = 4_000;
const PROBE_IMAGE = 'converge-probe';

/** Killed with this process, and with it, as the first of its process namespace, all that it started. */
const ENTER = [
  ['setpriv', '--pdeathsig', 'KILL'],
  ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
].flat();

export interface DockerDaemon extends AsyncDisposable {
  /** What a `docker` needs to find it, beside this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Starts dockerd, and proves that it can run a container.
 * @throws Error with what dockerd or docker said, when it cannot; nothing is left behind then.
 */
export async function startDockerDaemon(): Promise<DockerDaemon> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-docker-'));
  await mkdir(DATA_FOLDER, { recursive: true });
  const environment = { DOCKER_HOST: `unix://${join(folder, 'docker.sock')}` };
  const [program = '', ...args] = [
    ...ENTER,
    findCommand('dockerd') ?? 'dockerd',
    // No bridge and no rules: the machine's own network stays as it is.
    ['--iptables=false', '--ip6tables=false', '--bridge=none'],
    // Without overlayfs it would fall back to a copy of everything for each layer.
    ['--storage-driver', 'overlay2', '--data-root', DATA_FOLDER],
    ['--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'pid')],
    ['--host', environment.DOCKER_HOST, '--log-level', 'error'],
  ].flat();
  // TMPDIR: containerd leaves its stack there when it is told to end too early.
  const env = { ...process.env, TMPDIR: folder };
  const daemon = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const stop = async (): Promise<void> => {
    await endDaemon(daemon);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitForAnswer(daemon, environment);
    await proveContainer(folder, environment);
  } catch (error) {
    await stop();
    throw error;
  }
  return { environment, [Symbol.asyncDispose]: stop };
}

async function waitForAnswer(daemon: ChildProcess, environment: DockerDaemon['environment']): Promise<void> {
  let said = '';
  daemon.on('error', (error) => {
    said = error.message;
  });
  daemon.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-OUTPUT_TAIL_CHARACTERS);
  });
  await until(
    'dockerd answers',
    () => {
      if (hasEnded(daemon)) throw new Error(`dockerd does not start here: ${said.trim()}`);
      return runDocker(environment, 'version').then(
        () => true,
        () => false,
      );
    },
    START_WITHIN_MS,
  );
}

/** Where control groups or namespaces are short, dockerd starts and no container does: one that does nothing tells. */
async function proveContainer(folder: string, environment: DockerDaemon['environment']): Promise<void> {
  // What dockerd brings for `--init`, which needs no library.
  const program = await realpath(findCommand('docker-init') ?? 'docker-init');
  const archive = join(folder, 'probe.tar');
  await promisify(execFile)('tar', ['-C', dirname(program), '-cf', archive, basename(program)]);
  await runDocker(environment, 'import', archive, PROBE_IMAGE);
  try {
    const options = ['--rm', '--network', 'none', '--entrypoint', `/${basename(program)}`];
    await runDocker(environment, 'run', ...options, PROBE_IMAGE, '--version');
  } catch (cause) {
    throw new Error(`dockerd starts, but no container does: ${(cause as Error).message}`, { cause });
  } finally {
    await runDocker(environment, 'image', 'rm', '--force', PROBE_IMAGE);
  }
}

/** Ends the containers properly, so that they do not come back; what does not end in time is killed, and all with it. */
async function endDaemon(daemon: ChildProcess): Promise<void> {
  if (daemon.pid === undefined || hasEnded(daemon)) return;
  const ended = once(daemon, 'exit');
  // unshare passes no signal on.
  const children = await readFile(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8').catch(() => '');
  for (const pid of children.trim().split(' ').map(Number)) if (pid > 0) signal(pid, 'SIGTERM');
  await Promise.race([ended, sleep(END_WITHIN_MS, undefined, { ref: false })]);
  daemon.kill('SIGKILL');
  await ended;
}

function hasEnded(daemon: ChildProcess): boolean {
  return daemon.pid === undefined || daemon.exitCode !== null || daemon.signalCode !== null;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Runs `docker ARGS` and resolves to what it printed. @throws Error with the end of that, when it fails. */
export async function runDocker(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<string> {
  // Debian's docker.io has no buildx: the builder that every engine has is enough for this Dockerfile.
  const env = { ...process.env, DOCKER_BUILDKIT: '0', ...environment };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  // A command in a build says why it failed on the standard output: an error with both, and nothing twice.
  return await new Promise((resolve, reject) => {
    execFile('docker', [...args], options, (error, stdout, stderr) => {
      const said = stdout + stderr;
      if (error === null) return resolve(said);
      reject(
        new Error(`docker ${args[0]} failed: ${said.trim().slice(-OUTPUT_TAIL_CHARACTERS) || error.message}`),
      );
    });
  });
}

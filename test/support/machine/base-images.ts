// The Dockerfile's base images: those that the engine has or can pull. Where no container registry is reachable, stand-ins
// under the same names: Debian's packages by debootstrap, the pinned Node, and this machine's npm.
import { execFile } from 'node:child_process';
import { access, chmod, copyFile, cp, mkdir, mkdtemp, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { NODE_BINARY, readNodeVersion } from '../../../deploy/build/node-runtime.ts';
import type { ContainerEngine } from './container-engine.ts';
import { findMirror } from './minimal-root.ts';
import { ensureCommands } from './test-commands.ts';

const run = promisify(execFile);
const CACHE_FOLDER = '/var/cache/converge';
/** Tells a stand-in from an image that somebody pulled; its value is `node-VERSION`. */
const STAND_IN_LABEL = 'converge.stand-in';
/** debootstrap mounts in the root that it makes; killed, it leaves no mount and no process this way. */
const APART = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

type Engine = Pick<ContainerEngine, 'docker'>;
type ImageKind = 'as pulled' | 'stand-in';

interface StandIn {
  readonly image: string;
  /** Beyond Debian's minimum; what the real image has and the Dockerfile uses. */
  readonly packages: readonly string[];
  readonly withNpm: boolean;
}

const STAND_INS: readonly StandIn[] = [
  {
    image: 'node:24-bookworm',
    packages: ['binutils', 'ca-certificates', 'g++', 'libzstd-dev'],
    withNpm: true,
  },
  { image: 'node:24-bookworm-slim', packages: [], withNpm: false },
];

/**
 * Makes sure that the engine has the base images, and tells for each what it is. Ended by `signal`, it leaves nothing
 * half made.
 */
export async function ensureBaseImages(engine: Engine, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  for (const standIn of STAND_INS) {
    const kind = (await findImage(standIn.image, engine)) ?? (await obtainImage(standIn, engine, signal));
    lines.push(`${standIn.image}: ${kind}`);
  }
  return lines;
}

/** What the engine has under that name; undefined also for a stand-in with another Node than the pinned one. */
async function findImage(image: string, { docker }: Engine): Promise<ImageKind | undefined> {
  const format = `{{index .Config.Labels "${STAND_IN_LABEL}"}}`;
  const found = await docker('image', 'inspect', '--format', format, image).catch(() => undefined);
  const label = found?.trim();
  if (label === undefined) return undefined;
  if (!label.startsWith('node-')) return 'as pulled';
  return label === `node-${await readNodeVersion()}` ? 'stand-in' : undefined;
}

async function obtainImage(standIn: StandIn, { docker }: Engine, signal: AbortSignal): Promise<ImageKind> {
  const isPulled = await docker('pull', '--quiet', standIn.image).then(
    () => true,
    () => false,
  );
  if (isPulled) return 'as pulled';
  signal.throwIfAborted();
  await makeStandIn(standIn, docker, signal);
  return 'stand-in';
}

async function makeStandIn(
  { image, packages, withNpm }: StandIn,
  docker: ContainerEngine['docker'],
  signal: AbortSignal,
): Promise<void> {
  await ensureCommands(['debootstrap', 'tar']);
  await mkdir(CACHE_FOLDER, { recursive: true });
  const part = await mkdtemp(join(CACHE_FOLDER, 'base-image.part-'));
  console.error(`making a stand-in for ${image} (once)`);
  try {
    const root = join(part, 'root');
    const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
    const make = ['debootstrap', '--variant=minbase', ...include, 'bookworm', root, await findMirror()];
    const options = { maxBuffer: 64 * 1024 * 1024, signal, killSignal: 'SIGKILL' } as const;
    await run('unshare', [...APART, ...make], options);
    await chmod(root, 0o755);
    await rm(join(root, 'var/cache/apt/archives'), { recursive: true, force: true });
    await copyFile(NODE_BINARY, join(root, 'usr/local/bin/node'));
    await chmod(join(root, 'usr/local/bin/node'), 0o755);
    if (withNpm) await copyNpm(root);
    const archive = join(part, 'root.tar');
    await run('tar', ['-C', root, '--numeric-owner', '-cf', `${archive}.part`, '.'], { signal });
    await rename(`${archive}.part`, archive);
    const changes = [
      'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      `ENV NODE_VERSION=${await readNodeVersion()}`,
      `LABEL ${STAND_IN_LABEL}=node-${await readNodeVersion()}`,
      // What this machine trusts, or npm could not reach a registry through its proxy.
      ...(withNpm ? [`ENV NODE_EXTRA_CA_CERTS=${CA_BUNDLE}`] : []),
    ].flatMap((change) => ['--change', change]);
    await docker('import', ...changes, archive, image);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** npm as this machine has it, since the Node package of npm's own brings none. */
async function copyNpm(root: string): Promise<void> {
  const program = findCommand('npm');
  if (program === undefined) throw new Error('npm is not on the PATH');
  // …/npm/bin/npm-cli.js, whatever the links to it are called.
  const npm = dirname(dirname(await realpath(program)));
  const target = join(root, 'usr/local/lib/node_modules/npm');
  await mkdir(dirname(target), { recursive: true });
  await cp(npm, target, { recursive: true, verbatimSymlinks: true });
  await run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
  await access(CA_BUNDLE).then(
    () => copyFile(CA_BUNDLE, join(root, CA_BUNDLE)),
    () => {},
  );
}

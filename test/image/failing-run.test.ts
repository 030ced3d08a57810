// deploy/ci/docker in a container engine: a RUN that fails, and the line for `docker run`, in an image with busybox and a curl.
import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCiText } from '../support/ci/ci-file.ts';
import { visit } from '../support/ci/visitor.ts';
import { SYSTEM_PATH, useWorld } from '../support/laptop/world.ts';
import { runDocker } from '../support/machine/docker-daemon.ts';
import { ensureStaticBusybox } from '../support/machine/static-busybox.ts';
import type { E2eProcess } from '../support/process/started-process.ts';

const BASE = 'converge-ci-base:test';
const MADE = 'converge-ci-made:test';
/** curl's part is played by wget. */
const CURL = `#!/bin/sh
file=-
while [ "$#" -gt 0 ]; do
  case $1 in -o) file=$2; shift ;; -V) exit 0 ;; esac
  url=$1
  shift
done
exec wget -q -O "$file" "$url"
`;
const MAKE = '#!/bin/sh\necho half > built\nexit 42\n';

const world = useWorld();
const docker = (...args: string[]): Promise<string> => runDocker({}, ...args);
let context: string;

beforeAll(async () => {
  const root = await world.makeFolder('root');
  for (const folder of ['bin', 'tmp', 'etc', 'root', 'src']) await mkdir(join(root, folder));
  await copyFile(await ensureStaticBusybox(), join(root, 'bin/busybox'));
  await chmod(join(root, 'bin/busybox'), 0o755);
  const applets = 'sh cat cp cut env ls mkdir mktemp rm chmod sed sha256sum touch uname wget'.split(' ');
  for (const applet of applets) await symlink('busybox', join(root, 'bin', applet));
  for (const [name, text] of Object.entries({ curl: CURL, make: MAKE }))
    await writeFile(join(root, 'bin', name), text, { mode: 0o755 });
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  const archive = join(world.folder, 'root.tar');
  const tar = world.start('tar', ['tar', '-C', root, '-cf', archive, '.'], {
    cwd: root,
    env: { PATH: SYSTEM_PATH },
  });
  expect((await tar.exited).code).toBe(0);
  await docker('import', archive, BASE);
  context = await world.makeFolder('context');
  await writeFile(
    join(context, 'Dockerfile'),
    readCiText('docker/Dockerfile').replace('FROM debian:bookworm', `FROM ${BASE}`),
  );
});
afterAll(async () => {
  await docker('image', 'rm', '--force', MADE, BASE).catch(() => undefined);
});

function start(...args: string[]): E2eProcess {
  const { DOCKER_HOST } = process.env;
  const env = {
    PATH: SYSTEM_PATH,
    DOCKER_BUILDKIT: '0',
    ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }),
  };
  const started = world.start(`docker ${args[0]}`, ['docker', ...args], { cwd: context, env });
  started.child.stdin?.end();
  return started;
}

function build(...args: string[]): E2eProcess {
  return start('build', '--network', 'host', '--no-cache', '--force-rm', '--tag', MADE, ...args, '.');
}

test('a RUN that fails opens the door in its container, and fails with its own code', async () => {
  const job = build('--build-arg', `CONVERGE_RELAY=${world.relay.url}`);
  const visitor = await visit(world, job);
  const { stdout } = await visitor.ssh('pwd; cat built; converge end');
  expect(stdout).toContain('/src\nhalf\n');
  expect((await job.exited).code).not.toBe(0);
  expect(job.transcript).toContain('returned a non-zero code: 42');
});

test('`converge continue` keeps the layer, with what was changed in there', async () => {
  const job = build('--build-arg', `CONVERGE_RELAY=${world.relay.url}`);
  const visitor = await visit(world, job);
  await visitor.ssh('echo mended > built; converge continue');
  expect((await job.exited).code).toBe(0);
  expect(await docker('run', '--rm', '--network', 'none', MADE, 'cat', '/src/built')).toBe('mended\n');
  const left = await docker('run', '--rm', '--network', 'none', MADE, 'ls', '-A', '/tmp', '/root');
  expect(left.replaceAll(/\s+/g, ' ')).toBe('/root: /tmp: ');
});

test('without the argument a build fails as always', async () => {
  const job = build();
  expect((await job.exited).code).not.toBe(0);
  expect(job.transcript).toContain('returned a non-zero code: 42');
});

test('the line for `docker run` of the README', async () => {
  const [, line = ''] =
    /```sh\ndocker run --rm IMAGE sh -c '([\s\S]*?)'\n```/.exec(readCiText('docker/README.md')) ?? [];
  expect(line).toContain('make test || {');
  const script = line.replace('https://RELAY', world.relay.url);
  const job = start('run', '--rm', '--network', 'host', BASE, 'sh', '-c', script);
  const visitor = await visit(world, job);
  expect((await visitor.ssh('cat built; converge fail 9')).stdout).toContain('half\n');
  expect((await job.exited).code).toBe(9);
});

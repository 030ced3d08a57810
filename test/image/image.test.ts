// The image: the Dockerfile built unchanged, and run as confined as Kubernetes runs it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NODE_FLAGS } from '#shared/machine/runtime-flags.ts';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { runDocker } from '../support/machine/docker-daemon.ts';
import { freePort } from '../support/network/ports.ts';
import { until } from '../support/time/poll.ts';

const IMAGE = 'converge:test';
const RUNTIME_BASE = 'node:24-bookworm-slim';
const BYTES_PER_MB = 1_000_000;
/** Three programs of 25 MB and the relay's 7: one more would not fit. What other laptops need is built by test:laptops. */
const MAX_OURS_MB = 95;
/** What the restricted Pod Security Standard and the chart ask for. */
const CONFINED =
  '--read-only --user 10001 --cap-drop ALL --security-opt no-new-privileges --network host'.split(' ');
/** Nothing is left that could be a shell: the relay needs none. */
const SHELL_LESS = ['bash', 'dash', 'sh'].flatMap((name) => ['--volume', `/dev/null:/bin/${name}`]);
/** What makes an image worth attacking or patching, and has no business in this one. */
const UNWANTED_PACKAGES = /^(gcc|g\+\+|make|python3|git|curl|wget|openssh-.*|sudo|nodejs|npm)$/;

/** Of the engine that test/image/main.ts found or started. */
const docker = (...args: string[]): Promise<string> => runDocker({}, ...args);
const containers: string[] = [];

afterAll(async () => {
  for (const name of containers) await docker('rm', '--force', name);
});

describe('the image', () => {
  test('is built from the Dockerfile as it is', async () => {
    // Or a build that fails would leave the next tests to an older image.
    await docker('image', 'rm', '--force', IMAGE).catch(() => undefined);
    const values = ['REVISION=test', 'PLATFORMS='].flatMap((value) => ['--build-arg', value]);
    await docker('build', '--network', 'host', '--force-rm', '--tag', IMAGE, ...values, ROOT);
    const [all, base] = await Promise.all([megabytesOf(IMAGE), megabytesOf(RUNTIME_BASE)]);
    console.log(`the image has ${all} MB: ${base} of ${RUNTIME_BASE}, ${all - base} of ours`);
    expect(all - base).toBeLessThan(MAX_OURS_MB);
  });

  test('runs as nobody in particular, by an exec-form entry point, and says what it is', async () => {
    const config = JSON.parse(
      await docker('image', 'inspect', '--format', '{{json .Config}}', IMAGE),
    ) as Record<string, unknown>;
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(config['User']).toBe('10001:10001');
    expect(config['Entrypoint']).toEqual(['node', 'dist/relay/main.js']);
    expect(config['StopSignal']).toBe('SIGTERM');
    expect(Object.keys(config['ExposedPorts'] as object).sort()).toEqual(['8080/tcp', '9090/tcp']);
    expect(config['Labels']).toMatchObject({
      'org.opencontainers.image.title': 'Converge',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.base.name': RUNTIME_BASE,
      'org.opencontainers.image.revision': 'test',
    });
  });

  test('holds the base system, Node and the relay, and nothing to install or to compile with', async () => {
    const run = (...command: string[]) =>
      docker(
        'run',
        '--rm',
        '--network',
        'none',
        '--entrypoint',
        command[0] ?? '',
        IMAGE,
        ...command.slice(1),
      );
    const packages = (await run('dpkg-query', '--show', '--showformat', '${Package}\n')).trim().split('\n');
    console.log(`its ${packages.length} Debian packages: ${packages.join(' ')}`);
    expect(packages.filter((name) => UNWANTED_PACKAGES.test(name))).toEqual([]);
    const files = await run('find', '/app', '/usr/local', '-type', 'f');
    expect(files).not.toMatch(/npm|corepack|yarn/);
    expect(files).toContain('/app/dist/relay/session-check.js');
    expect(files).toMatch(/^\/app\/dist\/bin\/agent-linux-\w+$/m);
  });

  test('works with a read-only root, without capabilities or a shell, and drains on docker stop', async () => {
    const [port, internalPort] = [await freePort(), await freePort()];
    const internal = `http://127.0.0.1:${internalPort}`;
    const env = {
      HOST: '127.0.0.1',
      PORT: port,
      INTERNAL_PORT: internalPort,
      // Long enough that nobody who looks all the time misses it, whatever else the machine does.
      DRAIN_DELAY_SECONDS: 10,
      DRAIN_TIMEOUT_SECONDS: 20,
    };
    const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const options = [...CONFINED, ...SHELL_LESS, ...variables];
    const name = (await docker('run', '--detach', ...options, IMAGE)).trim();
    containers.push(name);
    await expect(docker('exec', name, 'sh', '-c', 'true')).rejects.toThrow(/not found|permission denied/);
    await until(
      'the relay is ready',
      () => statusOf(`${internal}/readyz`).then((status) => status === 200),
      60_000,
    );

    const commandLine = "require('node:fs').readFileSync('/proc/1/cmdline', 'utf8').split('\\0').join(' ')";
    const words = ['node', ...NODE_FLAGS, '/app/dist/relay/main.js'];
    expect((await docker('exec', name, 'node', '-p', commandLine)).trim()).toBe(words.join(' '));

    const head = await fetch(`http://127.0.0.1:${port}/docs/agent`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-encoding')).toBeNull();
    // In the image as gzip alone.
    const script = await fetch(`http://127.0.0.1:${port}/docs/wsproxy.mjs`, {
      headers: { 'accept-encoding': 'identity' },
    });
    expect(script.headers.get('content-encoding')).toBeNull();
    const digest = createHash('sha256').update(Buffer.from(await script.arrayBuffer()));
    const sums = await (await fetch(`http://127.0.0.1:${port}/docs/SHA256SUMS`)).text();
    expect(sums).toContain(`${digest.digest('hex')}  wsproxy.mjs\n`);

    // As `helm test` does. Docker's own tmpfs would be noexec, which an emptyDir is not.
    const check = ['--entrypoint', 'node', IMAGE, 'dist/relay/session-check.js', `ws://127.0.0.1:${port}`];
    const said = await docker('run', '--rm', ...CONFINED, '--tmpfs', '/tmp:exec', ...check);
    expect(said).toContain('session-check: a session through');

    const stopped = docker('stop', '--time', '60', name);
    await until('the relay is not ready', () =>
      statusOf(`${internal}/readyz`).then((status) => status === 503),
    );
    await stopped;
    expect((await docker('inspect', '--format', '{{.State.ExitCode}}', name)).trim()).toBe('0');
    const log = await docker('logs', name);
    expect(log).toContain('"drain started"');
    expect(log).toContain('"drain ended"');
    // Of the session above: a pump that is not in the image, or is for another one, is no reason to end.
    expect(log).toContain('"native pump started"');
  });

  test('says which secret is missing, and exits with 2', async () => {
    const name = (
      await docker('run', '--detach', ...CONFINED, '--env', 'REDIS_URL=redis://redis', IMAGE)
    ).trim();
    containers.push(name);
    expect((await docker('wait', name)).trim()).toBe('2');
    expect(await docker('logs', name)).toContain('CLUSTER_SECRET: must be set with REDIS_URL');
  });
});

async function megabytesOf(image: string): Promise<number> {
  const bytes = Number(await docker('image', 'inspect', '--format', '{{.Size}}', image));
  return Math.round(bytes / BYTES_PER_MB);
}

async function statusOf(url: string): Promise<number | undefined> {
  return await fetch(url).then(
    (response) => response.status,
    () => undefined,
  );
}

// The programs for the other Linux processor than this machine's, run by qemu in a root that holds a busybox of that processor.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isHost, LINUX_PLATFORMS } from '../../deploy/build/linux-platform.ts';
import { BUILT_PROGRAMS, DIST, ROOT } from '../../deploy/build/source-tree.ts';
import { openRootLaptop, type RootJob, type RootLaptop, startRootJob } from '../support/laptop/root-job.ts';
import { openBareRoot } from '../support/machine/bare-root.ts';
import { collectOutput } from '../support/machine/collected-output.ts';
import { type RelayProcess, startRelayProcess } from '../support/process/relay-process.ts';

const MACHINES: Readonly<Record<string, string>> = { 'linux-arm64': 'aarch64', 'linux-x64': 'x86_64' };

describe.for(LINUX_PLATFORMS.filter((other) => !isHost(other)))('$name', (platform) => {
  test.for(BUILT_PROGRAMS.map(({ name }) => name))('%s is listed, and says its version', async (name) => {
    const file = join(DIST, 'bin', `${name}-${platform.name}`);
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    const sums = await readFile(join(DIST, 'bin/SHA256SUMS'), 'utf8');
    expect(sums).toContain(`${digest}  ${name}-${platform.name}\n`);
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    await using root = await openBareRoot([file], { platform });
    const child = root.start([`./${name}-${platform.name}`, '--version']);
    expect(await collectOutput(child)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('where there is nothing to write to, it starts from memory files', async () => {
    const file = join(DIST, 'bin', `tcptows-${platform.name}`);
    await using root = await openBareRoot([file], { platform, isReadOnly: true, hasNoSharedMemory: true });
    const said = await collectOutput(root.start([`./tcptows-${platform.name}`, '--version']));
    expect(said).toMatchObject({ code: 0, stderr: '' });
  });

  describe('the agent in a root of its processor', () => {
    let laptop: RootLaptop;
    let relay: RelayProcess;
    let job: RootJob;
    beforeAll(async () => {
      laptop = await openRootLaptop();
      relay = await startRelayProcess();
      const env = { HOME: '/root', LD_LIBRARY_PATH: '/nowhere' };
      const started = await startRootJob({ platform, env, laptop, relay: relay.url, id: 'other' });
      if (started.kind === 'ended') throw new Error(`the agent ended without a card: ${started.said}`);
      job = started.job;
    });
    afterAll(async () => {
      await job?.[Symbol.asyncDispose]();
      await relay?.[Symbol.asyncDispose]();
      await laptop?.[Symbol.asyncDispose]();
    });

    test('runs a command, whose exit code comes back', async () => {
      expect(await job.ssh('pwd; busybox uname -m; echo $LD_LIBRARY_PATH')).toBe(
        `/job\n${MACHINES[platform.name]}\n/nowhere\n`,
      );
      await expect(job.ssh('exit 3')).rejects.toMatchObject({ code: 3 });
    });

    test('opens a terminal of the right size', async () => {
      const said = await job.ssh('stty size; tty', '-tt');
      expect(said).toMatch(/^\d+ \d+\r\n\/dev\/pts\/\d+\r\n$/);
    });

    test('copies files both ways', async () => {
      expect(await job.copies('/dev/shm/copy')).toBe(true);
    });

    test('has loaded its own addons: without that of the ciphers it would work as well, only slowly', async () => {
      // It is the first process of its namespace.
      const maps = await job.ssh('busybox grep -o "[a-z]*[.]node$" /proc/1/maps | busybox sort -u');
      expect(maps).toBe('process.node\nsshcrypto.node\n');
    });

    test('has the `converge` command, and ends with exit code 0', async () => {
      expect(await job.ssh('converge status')).toMatch(/clients {2}1 logged in/);
      expect(await job.endBy('converge end')).toBe(0);
    });
  });
});

// wsproxy.mjs: the same client as one file, with the Nodes that people have.
import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DIST, ROOT } from '../../deploy/build/source-tree.ts';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { openLaptop, openWay, type Way } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { findNode } from '../support/machine/other-nodes.ts';

const MB = 1_000_000;
/** What a person waits for on a bad network. */
const MAX_BYTES = 500_000;
/** How far the figure in a README may be from that. */
const TOLD_WITHIN_BYTES = 30_000;

const world = useWorld(['curl']);
let agent: E2eAgent;

beforeAll(async () => {
  agent = await startAgent(world, { held: true });
});

test('is one file of less than half a megabyte, which every relay serves', async () => {
  const laptop = await openLaptop(world);
  const { code } = await laptop.paste(`curl -fsSLO ${world.relay.url}/docs/wsproxy.mjs`);
  expect(code).toBe(0);
  const script = await readFile(join(laptop.folder, 'wsproxy.mjs'));
  expect(script.length).toBeLessThan(MAX_BYTES);
  for (const page of ['README.md', 'deploy/README.md']) {
    const [, kB] =
      /(\d+) kB (?:and `wsproxy` alone|for Node 20)/.exec(await readFile(join(ROOT, page), 'utf8')) ?? [];
    expect(Math.abs(Number(kB) * 1_000 - script.length), `${page} says ${kB} kB`).toBeLessThan(
      TOLD_WITHIN_BYTES,
    );
  }
  const digest = createHash('sha256').update(script).digest('hex');
  expect(await readFile(join(DIST, 'bin/SHA256SUMS'), 'utf8')).toContain(`${digest}  wsproxy.mjs\n`);
  const compressed = await stat(join(DIST, 'bin/wsproxy.mjs.gz'));
  expect(compressed.size).toBeLessThan(script.length / 2);
});

test('with an older Node it says what it needs, and nothing else', async ({ skip }) => {
  const found = await findNode('18');
  if (found.kind === 'absent') return skip(found.reason);
  const laptop = await openLaptop(world);
  expect(await laptop.run([found.path, join(DIST, 'bin/wsproxy.mjs'), '--version'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'wsproxy: this is Node 18.20.8, and wsproxy.mjs needs 20 or newer\n',
  });
});

describe.for(['20.0', '20', '22', '24', '26'])('with Node %s', (wanted) => {
  let way: Way;
  let node: string | undefined;

  beforeAll(async () => {
    const found = await findNode(wanted);
    if (found.kind === 'absent') console.warn(`not tested with Node ${wanted}: ${found.reason}`);
    else node = found.path;
    way = await openWay(world, agent);
    await rm(join(way.laptop.folder, 'wsproxy'));
    const line = `exec ${node} ${join(DIST, 'bin/wsproxy.mjs')} "$@"`;
    await writeFile(join(way.laptop.folder, 'wsproxy'), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  });

  test('--version says what it is and what it runs on, and warns of nothing', async ({ skip }) => {
    skip(node === undefined);
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const { code, stdout, stderr } = await way.laptop.run(['./wsproxy', '--version']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^${version} \\(wsproxy\\.mjs on Node ${wanted}\\.[0-9.]+, linux-\\w+\\)\n$`),
    );
  });

  test('a command, a file there and back, and its exit code', async ({ skip }) => {
    skip(node === undefined);
    expect(await way.ssh([way.host, 'echo in; exit 7'])).toEqual({ code: 7, stdout: 'in\n', stderr: '' });
    const file = join(way.laptop.folder, 'file');
    await makeBytes(file, 5 * MB);
    expect((await way.sftp([`put file from-${wanted}`, `get from-${wanted} back`], ['-q'])).code).toBe(0);
    expect(await hashOf(join(agent.job, `from-${wanted}`))).toBe(await hashOf(file));
    expect(await hashOf(join(way.laptop.folder, 'back'))).toBe(await hashOf(file));
  });

  test('another host key than the pinned one cuts it off, before ssh sees the host', async ({ skip }) => {
    skip(node === undefined);
    const url = `${world.relay.wsUrl}/client/${agent.id}#SHA256:${'A'.repeat(43)}`;
    const { code, stderr } = await way.laptop.run([
      'ssh',
      '-v',
      '-o',
      `ProxyCommand=./wsproxy '${url}'`,
      `abc@${agent.id}`,
    ]);
    expect(code).toBe(255);
    expect(stderr).toMatch(/^wsproxy: host key mismatch: /m);
    expect(stderr).not.toContain('Server host key:');
  });

  test('wrong arguments and a relay that is not there end it with 2 and 3, with a word', async ({ skip }) => {
    skip(node === undefined);
    const wrong = await way.laptop.run(['./wsproxy', '--no-such-option']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('--no-such-option');
    const lost = await way.laptop.run(['./wsproxy', '--wait', '0', 'ws://127.0.0.1:9/client/x']);
    expect(lost).toMatchObject({ code: 3, stdout: '' });
    expect(lost.stderr).toMatch(/^wsproxy: .+\n$/);
  });
});

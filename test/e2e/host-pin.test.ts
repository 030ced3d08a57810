// The pinned host key: one that matches, and one that does not, through wsproxy and through tcptows.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { E2eAgent } from '../support/laptop/job.ts';
import { type Secret, type Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { freePort } from '../support/network/ports.ts';

const EXIT_HOST_KEY_MISMATCH = 6;
/** A fingerprint as any other, of no key that exists here. */
const OTHER_FINGERPRINT = `SHA256:${'A'.repeat(42)}E`;
const CAREFREE = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR';

const world = useWorld();
let agent: E2eAgent;
let key: Secret & { kind: 'key' };
let way: Way;

beforeAll(async () => {
  ({ agent, key, way } = await openJob(world, { held: true }));
});

function mismatchLine(program: string): RegExp {
  const [presented, expected] = [agent.card.fingerprint, OTHER_FINGERPRINT].map((text) =>
    text.replaceAll(/[+/]/g, String.raw`\$&`),
  );
  return new RegExp(
    `^${program}: .*host key mismatch: the host has ${presented}, the URL expects ${expected}; the connection was cut$`,
    'm',
  );
}

test('a host with the pinned key is entered without a question', async () => {
  expect(await way.ssh([way.host, 'echo in'])).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
});

test('a host with another key is left: wsproxy says why and ends with 6, and ssh shows nothing of it', async () => {
  const url = `${world.relay.wsUrl}/client/${agent.id}#${OTHER_FINGERPRINT}`;
  const script = `#!/bin/sh\ntrap '' HUP\n./wsproxy '${url}' 2>complaint\necho $? >code\ncat complaint >&2\n`;
  await writeFile(join(way.laptop.folder, 'proxy'), script, { mode: 0o755 });
  const { code, stdout, stderr } = await way.laptop.paste(
    `ssh ${CAREFREE} -i ${key.file} -o ProxyCommand=./proxy ${way.host} echo in; status=$?
     until test -s code; do sleep 0.1; done; exit $status`,
  );
  expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
  expect(stderr).not.toContain('SSH-');
  expect(await readFile(join(way.laptop.folder, 'complaint'), 'utf8')).toMatch(mismatchLine('wsproxy'));
  expect(await readFile(join(way.laptop.folder, 'code'), 'utf8')).toBe(`${EXIT_HOST_KEY_MISMATCH}\n`);
  expect(agent.process.stdout).not.toContain('refused');
});

test('tcptows lets in to the pinned key, and cuts connections to another one and serves on', async () => {
  const url = `${world.relay.wsUrl}/client/${agent.id}`;
  for (const [fingerprint, isRight] of [
    [agent.card.fingerprint, true],
    [OTHER_FINGERPRINT, false],
  ] as const) {
    const port = await freePort();
    const tunnel = way.laptop.start(['./tcptows', String(port), `${url}#${fingerprint}`]);
    await tunnel.see(/\n/);
    const through = way.throughPort(port);
    for (let round = 0; round < 2; round++) {
      const { code, stdout } = await through.ssh([way.host, 'echo in']);
      expect({ code, stdout }).toEqual(isRight ? { code: 0, stdout: 'in\n' } : { code: 255, stdout: '' });
    }
    if (!isRight) await tunnel.see(mismatchLine('tcptows'));
    expect(tunnel.isRunning).toBe(true);
    tunnel.kill('SIGTERM');
    expect(await tunnel.exited).toEqual({ code: 0, signal: null });
  }
});

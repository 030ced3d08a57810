// A job whose temporary folder is full: the agent finds another one for what it has to put somewhere.
import { beforeAll, expect, test } from 'vitest';
import { startAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Secret } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { withFullFolder } from '../support/machine/full-folder.ts';

const world = useWorld();
let key: Secret & { kind: 'key' };

beforeAll(async () => {
  key = await makeKey(world);
});

test('the sessions of an agent whose TMPDIR takes no byte have terminals and the `converge` command', async () => {
  const full = await world.makeFolder('full');
  const agent = await startAgent(world, {
    args: ['--authorized-keys', `${key.file}.pub`],
    env: { TMPDIR: full },
    through: withFullFolder(full),
  });
  const way = await openWay(world, agent, key);
  const shell = way.openTerminal();
  await shell.see(/converge status \| hold/);
  await shell.see(/[$#] $/);
  shell.type('echo x >"$TMPDIR/file"; tty; converge status\r');
  await shell.see(/No space left on device/);
  await shell.see(/\/dev\/pts\/\d+/);
  await shell.see(/clients {2}1 logged in/);
  expect(agent.process.stdout).not.toContain('no `converge` command');
  shell.type('converge end\r');
  expect(await agent.process.exited).toEqual({ code: 0, signal: null });
});

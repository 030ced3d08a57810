// The agent that is tested: built relay, agent and tcptows, so that it is a port of this machine, as the judge is.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readCard } from '../support/laptop/job.ts';
import { binary, SYSTEM_PATH, type World } from '../support/laptop/world.ts';
import { holdFolder } from '../support/machine/held-folder.ts';
import { freePort } from '../support/network/ports.ts';
import { PASSWORD, type Target, USER } from './target.ts';

/** Longer than a run of everything. */
const TIMEOUT = '2h';

/** Starts one for the key and one for the password; sessions begin in `home`. */
export async function startTestedAgent(world: World, home: string, publicKey: string): Promise<Target> {
  await holdFolder(home);
  await mkdir(join(world.folder, 'cache'), { recursive: true });
  const [byKey, byPassword] = await Promise.all([
    startWay(world, home, 'key', ['--authorized-keys', publicKey]),
    startWay(world, home, 'password', ['--password', PASSWORD]),
  ]);
  return {
    name: 'agent',
    home,
    port: byKey.port,
    passwordPort: byPassword.port,
    fingerprint: byKey.fingerprint,
    passwordFingerprint: byPassword.fingerprint,
  };
}

async function startWay(
  world: World,
  home: string,
  id: string,
  args: readonly string[],
): Promise<{ port: number; fingerprint: string }> {
  const url = `${world.relay.wsUrl}/agent/${id}`;
  const options = ['--user', USER, '--timeout', TIMEOUT, '--max-lifetime', TIMEOUT, ...args];
  // What the programs unpack must not be in the home that is compared with the judge's.
  const cache = join(world.folder, 'cache');
  const agent = world.start(`agent ${id}`, [binary('agent'), ...options, url], {
    cwd: home,
    env: { PATH: SYSTEM_PATH, HOME: home, SHELL: '/bin/bash', XDG_CACHE_HOME: cache },
  });
  const { fingerprint } = await readCard(agent);
  const port = await freePort();
  const way = `${world.relay.wsUrl}/client/${id}#${fingerprint}`;
  const tcptows = world.start(`tcptows ${id}`, [binary('tcptows'), String(port), way], {
    cwd: home,
    env: { PATH: SYSTEM_PATH, XDG_CACHE_HOME: cache },
  });
  await tcptows.see(/./);
  return { port, fingerprint };
}

// The matrix: every deed that every client does, in lanes side by side, each against the judge and against the agent.
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { World } from '../support/laptop/world.ts';
import { partOf, portsToTell } from '../support/network/ports.ts';
import { type KeyType, makeKeyFile } from '../support/ssh/key-file.ts';
import { type Cell, type Result, runCell, type Targets } from './cell.ts';
import type { Client } from './client.ts';
import type { Deed } from './deed.ts';
import { differenceOf } from './differences.ts';
import { makeFixtures } from './fixtures.ts';
import { startJudge } from './judge.ts';
import { type Keys, Lane } from './lane.ts';
import { openPrograms } from './program-folders.ts';
import { type Scene, scriptOf } from './script.ts';
import { startTestedAgent } from './tested-agent.ts';

const run = promisify(execFile);

/** The cells of these rows and columns, by deed. */
export function cellsOf(clients: readonly Client[], deeds: readonly Deed[]): Cell[] {
  return deeds.flatMap((deed) =>
    clients.flatMap((client) => {
      const script = scriptOf(client, deed);
      return script === undefined
        ? []
        : [{ client, deed, script, difference: differenceOf(client.name, deed.name) }];
    }),
  );
}

/** Both servers and the lanes, up and ready. */
export class Matrix implements AsyncDisposable {
  readonly #world = new World();
  readonly #lanes: Lane[] = [];
  #open: { readonly scene: Scene; readonly targets: Targets } | undefined;

  /** Starts everything that `clients` need, with room for `lanes` cells at a time. */
  async open(clients: readonly Client[], lanes: number): Promise<void> {
    if (process.getuid?.() !== 0) throw new Error('the judge and the small disk need root: run it with sudo');
    const world = this.#world;
    await world.open(['openssl', 'sftp-server', 'sshd']);
    const fixtures = await world.makeFolder('fixtures');
    await makeFixtures(fixtures);
    for (let count = 0; count < lanes; count++) {
      const ports = partOf(portsToTell(), count, lanes);
      const lane = new Lane(await world.makeFolder('lane'), fixtures, ports);
      this.#lanes.push(lane);
      await lane.open();
    }
    const keys = await makeKeys(await world.makeFolder('keys'), clients);
    const home = await world.makeFolder('home');
    const publicKeys = join(home, 'authorized-keys');
    const lines = await Promise.all([keys.file, keys.rsa].map((key) => readFile(`${key}.pub`, 'utf8')));
    await writeFile(publicKeys, lines.join(''));
    const [judge, agent] = await Promise.all([
      startJudge(world, home, publicKeys),
      startTestedAgent(world, home, publicKeys),
    ]);
    const programs = await openPrograms(world.folder, clients);
    this.#open = { scene: { world, keys, programs }, targets: { judge, agent } };
  }

  /** Runs all of `cells`, as many at a time as there are lanes, and tells each result as it comes. */
  async run(cells: readonly Cell[], tell: (result: Result) => void): Promise<Result[]> {
    const open = this.#open;
    if (open === undefined) throw new Error('the matrix is not open');
    const waiting = [...cells];
    const results: Result[] = [];
    const work = async (lane: Lane): Promise<void> => {
      for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
        const result = await runCell(open.scene, lane, cell, open.targets);
        tell(result);
        results.push(result);
      }
    };
    await Promise.all(this.#lanes.map(work));
    return results;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lane of this.#lanes) {
      await lane.clear();
      await lane.close();
    }
    await this.#world.close();
  }
}

async function makeKeys(folder: string, clients: readonly Client[]): Promise<Keys> {
  await mkdir(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  const make = (type: KeyType, name: string, ...options: string[]): Promise<void> =>
    makeKeyFile(at(name), type, ['-C', name, ...options]);
  await Promise.all([
    make('ed25519', 'key'),
    make('rsa', 'rsa', '-b', '2048', '-m', 'PEM'),
    make('ed25519', 'stranger'),
  ]);
  const packages = clients.flatMap((client) => client.packages);
  if (packages.includes('dropbear-bin'))
    await run('dropbearconvert', ['openssh', 'dropbear', at('key'), at('dropbear')]);
  if (packages.includes('putty-tools'))
    await run('puttygen', [at('key'), '-O', 'private', '-o', at('key.ppk')]);
  return {
    file: at('key'),
    rsa: at('rsa'),
    dropbear: at('dropbear'),
    putty: at('key.ppk'),
    stranger: at('stranger'),
  };
}

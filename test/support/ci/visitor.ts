// Somebody who reads the log of a job and comes in with stock ssh, through the wsproxy of the build.
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Laptop, type LaptopOutcome, openLaptop } from '../laptop/laptop.ts';
import { binary, type World } from '../laptop/world.ts';
import type { E2eProcess } from '../process/started-process.ts';

/** The lines of the card, behind whatever a CI system puts in front of each. */
const CARD = /\.\/wsproxy ssh "(\S+)"[\s\S]*?Password:\s*\n.*? {2}(\S+)\s/;

export class Visitor {
  readonly #laptop: Laptop;
  readonly #url: string;

  constructor(laptop: Laptop, url: string) {
    this.#laptop = laptop;
    this.#url = url;
  }

  /** Runs a command in the job. */
  async ssh(command: string): Promise<LaptopOutcome> {
    const options = ['-o', 'PubkeyAuthentication=no', '-o', 'LogLevel=ERROR'];
    return await this.#laptop.run(['./wsproxy', 'ssh', this.#url, ...options, command]);
  }
}

/** Waits for the card of a job, and comes with its password. */
export async function visit(world: World, job: E2eProcess): Promise<Visitor> {
  const [, url = '', password = ''] = await job.see(CARD);
  const laptop = await openLaptop(world);
  await symlink(binary('wsproxy'), join(laptop.folder, 'wsproxy'));
  await laptop.remember(password);
  return new Visitor(laptop, url);
}

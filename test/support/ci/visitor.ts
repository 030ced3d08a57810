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

  /** Runs a command in the job, to its end. */
  async ssh(command: string): Promise<LaptopOutcome> {
    return await this.#laptop.run(this.#words(command));
  }

  /** Starts one that goes on. */
  start(command: string): E2eProcess {
    return this.#laptop.start(this.#words(command));
  }

  #words(command: string): [string, ...string[]] {
    const options = ['-o', 'PubkeyAuthentication=no', '-o', 'LogLevel=ERROR'];
    return ['./wsproxy', 'ssh', this.#url, ...options, command];
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

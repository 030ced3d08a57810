// An open job: an agent, and a laptop whose key it lets in, with the way that its card names.
import { type E2eAgent, type JobOptions, startAgent } from './job.ts';
import { makeKey, openWay, type Secret, type Way } from './laptop.ts';
import type { World } from './world.ts';

export type KeySecret = Secret & { readonly kind: 'key' };

export interface OpenJob {
  readonly agent: E2eAgent;
  readonly key: KeySecret;
  readonly way: Way;
}

export interface OpenJobOptions extends JobOptions {
  /** A new one by default. */
  readonly key?: KeySecret;
}

/** Starts an agent that takes one key, and opens the way to it. */
export async function openJob(world: World, options: OpenJobOptions = {}): Promise<OpenJob> {
  const { key = await makeKey(world), args = [], ...rest } = options;
  const agent = await startAgent(world, { ...rest, args: ['--authorized-keys', `${key.file}.pub`, ...args] });
  return { agent, key, way: await openWay(world, agent, key) };
}

// The platform of this machine, held to the contract.
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { ownPlatform } from '../../services/agent/own-platform.ts';
import { PLATFORM_RULES } from './platform-contract.ts';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'c-')));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test.for(PLATFORM_RULES)('$name', async ({ check }) => {
  await check({ platform: ownPlatform(), folder });
});

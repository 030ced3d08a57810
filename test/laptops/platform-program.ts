// A program of Windows: holds the platform that it runs on to the contract, and says how it went, a line a rule.
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownPlatform } from '../../services/agent/own-platform.ts';
import { PLATFORM_RULES } from '../contract/platform-contract.ts';

console.log(`platform ${process.platform}`);
async function main(): Promise<void> {
  for (const [index, { name, check }] of PLATFORM_RULES.entries()) {
    const folder = join(tmpdir(), `rule-${process.pid}-${index}`);
    await mkdir(folder);
    try {
      await check({ platform: ownPlatform(), folder });
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`not ok ${name}: ${String(error).replaceAll(/\s+/g, ' ')}`);
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 10 }).catch(() => undefined);
  }
}

void main().then(() => process.exit());

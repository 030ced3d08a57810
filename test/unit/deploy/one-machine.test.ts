// What one machine runs: the compose file, its Caddyfile and the systemd unit name what the relay and the image have.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { readConfig } from '../../../services/relay/config.ts';

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      { readonly environment: Readonly<Record<string, string>>; readonly ports?: readonly string[] }
    >
  >;
}

const read = (path: string): Promise<string> => readFile(join(ROOT, 'deploy', path), 'utf8');

/** As docker compose and a shell put it in. */
const withHost = (text: string): string => text.replace(/\$\{RELAY_HOST[^}]*\}/, 'relay.example.com');

/** Seconds that the drain takes at most. */
const drainOf = (env: Readonly<Record<string, string | undefined>>): number => {
  const read = readConfig(env);
  if (read.kind === 'invalid') throw new Error(read.faults.join('\n'));
  return (read.config.drainDelayMs + read.config.drainTimeoutMs) / 1_000;
};

describe('the compose file', () => {
  test('has settings that a relay takes, and leaves it the time of its drain', async () => {
    const { services } = parse(await read('compose/compose.yaml')) as Compose;
    const { environment = {}, ...relay } = services['relay'] ?? {};
    const env = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, withHost(value)]),
    );
    expect(readConfig(env)).toMatchObject({
      kind: 'valid',
      config: { publicUrl: new URL('https://relay.example.com') },
    });
    const { stop_grace_period: grace } = relay as { stop_grace_period?: string };
    expect(Number.parseInt(grace ?? '', 10)).toBeGreaterThan(drainOf(env));
  });

  test('publishes nothing but Caddy, which leads to the port of the relay', async () => {
    const { services } = parse(await read('compose/compose.yaml')) as Compose;
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(['caddy']);
    expect(await read('compose/Caddyfile')).toContain('{$RELAY_UPSTREAM:relay:8080}');
  });
});

describe('the systemd unit', () => {
  test('has settings that a relay takes, and leaves it the time of its drain', async () => {
    const env = Object.fromEntries(
      (await read('systemd/relay.env')).split('\n').flatMap((line) => {
        const [, name, value] = /^#?([A-Z_]+)=(.*)$/.exec(line) ?? [];
        return name === undefined || line.startsWith('#') ? [] : [[name, value]];
      }),
    );
    expect(readConfig(env)).toMatchObject({ kind: 'valid', config: { host: '127.0.0.1', port: 8080 } });
    const unit = await read('systemd/converge-relay.service');
    const [, stop = ''] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
    expect(Number(stop)).toBeGreaterThan(drainOf(env));
    // V8 makes machine code as it runs: with this no relay starts.
    expect(unit).not.toMatch(/^MemoryDenyWriteExecute=/m);
  });
});

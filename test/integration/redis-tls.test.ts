// Redis behind TLS, with a certificate by a private authority.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../deploy/build/command.ts';
import { makePrivateAuthority } from '../support/private-authority.ts';
import { startRedisProcess } from '../support/redis-process.ts';
import type { RedisServer } from '../support/redis-server.ts';

const PROGRAM = join(import.meta.dirname, 'redis-tls-program.ts');

let server: RedisServer;
let caFile: string;

beforeAll(async () => {
  server = await startRedisProcess({
    isTls: true,
    async prepare(folder) {
      const authority = await makePrivateAuthority(folder, 'DNS:localhost');
      caFile = authority.caFile;
      const files = [
        '--tls-cert-file',
        join(folder, 'relay.pem'),
        '--tls-key-file',
        join(folder, 'relay.key'),
      ];
      return [...files, '--tls-ca-cert-file', caFile, '--tls-auth-clients', 'no'];
    },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function claimAt(host: string, env: Record<string, string>): Promise<string> {
  return runCommand(process.execPath, [PROGRAM, `rediss://${host}:${server.port}`], {
    ...process.env,
    ...env,
  });
}

test('a certificate of the authority in NODE_EXTRA_CA_CERTS is trusted, for calls and for messages', async () => {
  const said = await claimAt('localhost', { NODE_EXTRA_CA_CERTS: caFile });
  expect(JSON.parse(said)).toMatchObject({ pod: 'pod-1', epoch: 1 });
});

test('a certificate of an unknown authority is not, and the log says why', async () => {
  expect(await claimAt('localhost', { NODE_EXTRA_CA_CERTS: '' })).toMatch(/redis not usable.*certificate/);
});

test('a certificate of another host is not', async () => {
  const said = await claimAt('127.0.0.1', { NODE_EXTRA_CA_CERTS: caFile });
  expect(said).toMatch(/redis not usable.*does not match certificate/);
});

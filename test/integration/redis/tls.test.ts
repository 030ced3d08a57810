// Redis behind TLS, with a certificate by a private authority.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../../deploy/build/command.ts';
import { makePrivateAuthority } from '../../support/network/private-authority.ts';
import { startRedisProcess } from '../../support/redis/redis-process.ts';
import type { RedisServer } from '../../support/redis/redis-server.ts';

const PROGRAM = join(import.meta.dirname, 'tls-program.ts');

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

function runProgram(url: string, mode: 'trusted' | 'refused', caCerts: string): Promise<string> {
  const environment = { ...process.env, NODE_EXTRA_CA_CERTS: caCerts };
  return runCommand(process.execPath, [PROGRAM, url.replace('PORT', String(server.port)), mode], environment);
}

test('a certificate of the authority in NODE_EXTRA_CA_CERTS is trusted, for calls and for messages', async () => {
  const said = await runProgram('rediss://localhost:PORT', 'trusted', caFile);
  expect(JSON.parse(said)).toMatchObject({ pod: 'pod-1', epoch: 1 });
});

// Each makes several attempts: whether the server's alert comes as a second error is a matter of luck.
test('a certificate of an unknown authority is not, and the log says why', async () => {
  const said = await runProgram('rediss://localhost:PORT', 'refused', '');
  expect(said).toMatch(/redis not usable.*self-signed certificate/);
});

test.each(['rediss+sentinel://localhost:PORT/m', 'rediss+cluster://localhost:PORT'])(
  'nor is it at %s',
  async (url) => {
    expect(await runProgram(url, 'refused', '')).toContain('redis not usable');
  },
);

test('a certificate of another host is not', async () => {
  const said = await runProgram('rediss://127.0.0.1:PORT', 'refused', caFile);
  expect(said).toMatch(/redis not usable.*does not match certificate/);
});

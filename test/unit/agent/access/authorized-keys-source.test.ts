// Loading authorized keys from files and from a real HTTP server.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  loadAuthorizedKeys,
  MAX_KEYS_BYTES,
} from '../../../../services/agent/access/authorized-keys-source.ts';
import { fetchThroughProxies } from '../../../../services/agent/access/proxied-fetch.ts';
import type { Fetch } from '../../../../services/agent/access/source.ts';

/** The server of the test speaks http. */
const OPTIONS = { fetch: fetchThroughProxies({}), allowsHttp: true };

const KEY = 'ssh-ed25519 AAAAC3Nz me@laptop\n';

describe('authorized keys', () => {
  let directory: string;
  let server: Server;
  let origin: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keys-'));
    server = createServer((request, response) => {
      if (request.url === '/me.keys') response.end(KEY);
      else if (request.url === '/empty.keys') response.end('\n');
      else if (request.url === '/endless.keys') response.end('x'.repeat(MAX_KEYS_BYTES + 1));
      else response.writeHead(404).end('no');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('are loaded from every source, in order', async () => {
    const file = join(directory, 'my keys');
    await writeFile(file, KEY);
    expect(await loadAuthorizedKeys([file, `${origin}/me.keys`], OPTIONS)).toEqual({
      kind: 'loaded',
      sources: [
        { source: file, text: KEY },
        { source: `${origin}/me.keys`, text: KEY },
      ],
    });
  });

  test('fail as a whole, naming every source that gave nothing', async () => {
    const empty = join(directory, 'empty');
    const big = join(directory, 'big');
    await writeFile(empty, ' \n');
    await writeFile(big, 'x'.repeat(MAX_KEYS_BYTES + 1));
    const sources = [
      `${origin}/me.keys`,
      join(directory, 'absent'),
      directory,
      empty,
      big,
      `${origin}/nobody.keys?token=secret`,
      `${origin}/empty.keys`,
      `${origin}/endless.keys`,
    ];
    expect(await loadAuthorizedKeys(sources, OPTIONS)).toEqual({
      kind: 'failed',
      faults: [
        `authorized keys ${directory}/absent: no such file; give a path or an https:// URL`,
        `authorized keys ${directory}: is a directory; give a file`,
        `authorized keys ${empty}: the file is empty; add a line such as "ssh-ed25519 AAAA… name"`,
        `authorized keys ${big}: more than 256 KiB; is this a list of public keys?`,
        `authorized keys ${origin}/nobody.keys: the server answered 404; check the URL`,
        `authorized keys ${origin}/empty.keys: the answer is empty; has this user added an SSH key there?`,
        `authorized keys ${origin}/endless.keys: more than 256 KiB; is this a list of public keys?`,
      ],
    });
  });

  test('tell what keeps a server from answering', async () => {
    server.close();
    await once(server, 'close');
    const refused = await loadAuthorizedKeys([`${origin}/me.keys`], OPTIONS);
    expect(refused).toMatchObject({
      kind: 'failed',
      faults: [expect.stringContaining('the host refuses the connection') as string],
    });
    const proxies = { HTTP_PROXY: new URL(origin).host };
    const behind = { fetch: fetchThroughProxies(proxies), allowsHttp: true };
    expect(await loadAuthorizedKeys(['http://192.0.2.1/me.keys'], behind)).toEqual({
      kind: 'failed',
      faults: [
        `authorized keys http://192.0.2.1/me.keys: the proxy ${proxies.HTTP_PROXY}: connection refused`,
      ],
    });
    const fetch: Fetch = () => Promise.reject(new DOMException('aborted', 'TimeoutError'));
    expect(await loadAuthorizedKeys(['https://h/x'], { fetch, allowsHttp: false })).toEqual({
      kind: 'failed',
      faults: ['authorized keys https://h/x: no answer within 10 s'],
    });
  });
});

// A stranger with one address, who wants a relay's descriptors: downloads that they start and do not read.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { Bystander } from '../support/relay/attacked-relay.ts';
import { openRaw, type RawConnection, startRelay } from '../support/relay/relay.ts';
import { until } from '../support/time/poll.ts';

const DOWNLOADS = 200;
const LIMIT = 50;
const FILE_BYTES = 32 * 1024 * 1024;

test('downloads of one address that nobody reads leave the others theirs', async () => {
  const downloads = await mkdtemp(join(tmpdir(), 'converge-downloads-'));
  onTestFinished(() => rm(downloads, { recursive: true }));
  await writeFile(join(downloads, 'agent-linux-x64'), Buffer.alloc(FILE_BYTES, 'x'));
  await writeFile(join(downloads, 'SHA256SUMS'), `${'0'.repeat(64)}  agent-linux-x64\n`);
  const env = { LIMIT_PRIVATE_ADDRESSES: 'true', ADDRESS_MAX_DOWNLOADS: String(LIMIT) };
  await using relay = await startRelay({ downloads, env });
  await using bystander = await Bystander.arrive(relay);
  const peers: RawConnection[] = [];
  onTestFinished(() => {
    for (const { socket } of peers) socket.destroy();
  });
  const text = 'GET /docs/agent HTTP/1.1\r\nHost: relay.test\r\n\r\n';
  for (let count = 0; count < DOWNLOADS; count += 1) {
    const peer = await openRaw(relay.port, text, '127.0.0.66');
    peers.push(peer);
    peer.socket.once('data', () => peer.socket.pause());
  }
  await bystander.check();
  await until('all are answered', () => peers.every(({ received }) => received() !== ''));

  const statuses = peers.map(({ received }) => received().slice(9, 12));
  expect(statuses.filter((status) => status === '200')).toHaveLength(LIMIT);
  expect(statuses.filter((status) => status === '429')).toHaveLength(DOWNLOADS - LIMIT);
  expect(peers.at(-1)?.received()).toMatch(/\r\nretry-after: 5\r\n/);
  expect(peers.at(-1)?.received()).toMatch(/too many downloads from this address, at most 50/);

  // Somebody else, with curl; and the same address once it has let go.
  const curl = async (from: string): Promise<string> => {
    const args = [
      '-sS',
      '--interface',
      from,
      '-o',
      join(downloads, 'got'),
      '-w',
      '%{http_code} %{size_download}',
    ];
    const { stdout } = await promisify(execFile)('curl', [
      ...args,
      `http://127.0.0.1:${relay.port}/docs/agent`,
    ]);
    return stdout;
  };
  expect(await curl('127.0.0.77')).toBe(`200 ${FILE_BYTES}`);
  expect(await curl('127.0.0.66')).toMatch(/^429 /);
  for (const { socket } of peers) socket.destroy();
  const isFree = async (): Promise<boolean> =>
    (await relay.metric('converge_limit_used{limit="address_downloads"}')) === 0;
  await until('his places are free', isFree);
  expect(await curl('127.0.0.66')).toBe(`200 ${FILE_BYTES}`);

  // One behind the other on one connection, which goes before any of them has its turn.
  const behind = await openRaw(relay.port, text.repeat(10), '127.0.0.66');
  await until('it has its first answer', () => behind.received() !== '');
  behind.socket.resetAndDestroy();
  await until('nothing is held for them', isFree);
});

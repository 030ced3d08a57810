// Stock scp, over and over: it cuts a file where a server answers out of turn, and says that all is well.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import type { E2eAgent } from '../support/laptop/job.ts';
import type { Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';

const MIB = 2 ** 20;
/** Before replies had an order, one put of two and nineteen gets of twenty were cut: this many do not pass by chance. */
const ROUNDS = Number(process.env['SCP_ROUNDS'] ?? 12);
/** Of the last round; `npm run test:chaos` has fifty rounds, and 1 GiB here. */
const LARGEST_MIB = Number(process.env['SCP_LARGEST_MIB'] ?? 64);

const world = useWorld();
let agent: E2eAgent;
let proxied: Way;
let forwarded: Way;

beforeAll(async () => {
  ({ agent, way: proxied } = await openJob(world, { held: true }));
  const tcptows = proxied.laptop.start([
    './tcptows',
    '0',
    agent.card.tcptows.split(' ').at(-1)?.replaceAll(/['"]/g, '') ?? '',
  ]);
  const [, port = ''] = await tcptows.see(/127\.0\.0\.1:(\d+)/);
  forwarded = proxied.throughPort(Number(port));
});

describe.each([
  ['wsproxy', () => proxied],
  ['tcptows', () => forwarded],
] as const)('through %s', (_name, wayOf) => {
  test(`${ROUNDS} files are put and got whole`, async () => {
    const way = wayOf();
    const local = join(way.laptop.folder, 'file');
    const back = `${local}-back`;
    const remote = join(agent.job, 'file');
    for (let round = 1; round <= ROUNDS; round++) {
      // From 1 MB up, and no size a multiple of anything.
      const bytes = round === ROUNDS ? LARGEST_MIB * MIB + 1 : 1_000_003 * (1 + (round % 20));
      await makeBytes(local, bytes);
      const put = await way.scp(['-q', local, `${way.host}:file`]);
      const get = await way.scp(['-q', `${way.host}:file`, back]);
      expect({ put, get }, `round ${round}, ${bytes} bytes`).toEqual({
        put: { code: 0, stdout: '', stderr: '' },
        get: { code: 0, stdout: '', stderr: '' },
      });
      const hashes = [await hashOf(remote), await hashOf(back)];
      expect(hashes, `round ${round}, ${bytes} bytes`).toEqual(Array(2).fill(await hashOf(local)));
      for (const path of [local, back, remote]) await rm(path);
    }
  });
});

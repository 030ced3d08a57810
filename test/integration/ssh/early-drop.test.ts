// The chance of the random early drop, with Debian's sshd as the judge: it tells in its log what it reckons with.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dropChance } from '../../../services/agent/crowd/early-drop.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { startSshd } from '../../support/ssh/sshd.ts';
import { until } from '../../support/time/poll.ts';

const DROP = { start: 2, rate: 30, full: 9 };
const ARRIVALS = 24;

/** "p 44, r 91": the chance in whole percent, and the lot. */
const REASONING = /should_drop_connection: p (\d+), r (\d+)/g;

test('it is what sshd reckons, for every number that it comes by', async () => {
  await ensureCommands(['sshd']);
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'converge-test-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const startups = `MaxStartups ${DROP.start}:${DROP.rate}:${DROP.full}`;
  const sshd = await startSshd(stack, folder, [startups, 'LogLevel DEBUG1']);
  const judged = (): RegExpExecArray[] => [...sshd.said().matchAll(REASONING)];
  let waiting = 0;
  for (let arrival = 0; arrival < ARRIVALS && waiting < DROP.full; arrival += 1) {
    const before = judged().length;
    const socket = connect(sshd.port, '127.0.0.1');
    stack.defer(() => void socket.destroy());
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    if (waiting < DROP.start) {
      waiting += 1;
      continue;
    }
    const [, chance, lot] = await until('sshd has drawn', () => judged()[before]);
    expect(Math.floor(dropChance(DROP, waiting) * 100 + 1e-9)).toBe(Number(chance));
    if (Number(lot) >= Number(chance)) waiting += 1;
  }
  expect(waiting).toBeGreaterThan(DROP.start);
});

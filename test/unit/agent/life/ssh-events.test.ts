// What the SSH server tells: which end of a client ends the agent, and when the number of clients is passed on.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Attendance } from '../../../../services/agent/crowd/attendance.ts';
import { createExpiryWatch, type ExpiryWatch } from '../../../../services/agent/expiry/expiry-watch.ts';
import { Company } from '../../../../services/agent/life/company.ts';
import { sshEventsFrom } from '../../../../services/agent/life/ssh-events.ts';
import { createJobLog } from '../../../../services/agent/notices/job-log.ts';
import { createStrangerLog } from '../../../../services/agent/notices/stranger-log.ts';
import type { SshEvents } from '../../../../services/agent/ssh/ssh-options.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const CLIENT = { clientId: 'one', method: 'password', address: '192.0.2.1', user: 'me' } as const;

let directory: string;
let watch: ExpiryWatch;
let events: SshEvents;
/** The numbers of clients that were passed on. */
let passedOn: number[];
/** Why the agent ended. */
let ends: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ssh-events-'));
  const holdFile = join(directory, '.hold');
  await writeFile(holdFile, '');
  const clock = new ManualClock(Date.now());
  const ignore = (): void => {};
  ends = [];
  const onEnd = (reason: string) => ends.push(reason);
  const on = { onWarning: ignore, onEnd, onHoldChanged: ignore, onDeadlineMoved: ignore };
  watch = createExpiryWatch({ clock, holdFile, timeoutMs: 600_000, maxLifetimeMs: 3_600_000 });
  watch.start(on);
  passedOn = [];
  const log = createJobLog({ clock, print: ignore, isQuiet: true });
  events = sshEventsFrom({
    log,
    strangers: createStrangerLog({ clock, log, loggedInFrom: () => 0 }),
    watch,
    attendance: new Attendance(),
    company: new Company({ clock, say: ignore }),
    onClients: () => passedOn.push(watch.snapshotOrEnd().clients),
  });
});
afterEach(async () => {
  watch.stop();
  await rm(directory, { recursive: true, force: true });
});

test.each([
  ['left', { reason: 'client_left', wasServed: true }],
  ['passed by', { reason: 'client_left', wasServed: false }],
  ['was lost', { reason: 'lost', wasServed: true }],
] as const)('a client that %s is not among those that are passed on', async (_how, end) => {
  events.login(CLIENT);
  events.logout({ ...CLIENT, seconds: 1, ...end });
  await expect.poll(() => passedOn).toEqual([1, 0]);
});

test.each([
  ['left', { reason: 'client_left', wasServed: true }, ['client_left']],
  ['passed by', { reason: 'client_left', wasServed: false }, []],
  ['was lost', { reason: 'lost', wasServed: true }, []],
  ['broke the protocol', { reason: 'fault', wasServed: true }, []],
] as const)('an agent that is not held, whose only client %s', async (_how, end, expected) => {
  events.login(CLIENT);
  await watch.release();
  events.logout({ ...CLIENT, seconds: 1, ...end });
  await expect.poll(() => passedOn).toEqual([1, 0]);
  expect(ends).toEqual(expected);
});

// A stranger who holds all the logins that they can, from one address and from many, so that nobody else gets in.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type SshHost, startSshHost } from '../support/ssh/ssh-host.ts';

const PERSON = 'abc@127.0.0.1';
/** How soon a connection that was cut is opened again, in milliseconds: some 600 come in a second. */
const AGAIN_AFTER_MS = 250;
/** The same for some twenty in a second. */
const SLOWLY_AGAIN_AFTER_MS = 2_500;

let host: SshHost;
let stranger: { isGone: boolean; readonly held: Socket[]; mayComeBack: number };

afterEach(async () => {
  stranger.isGone = true;
  for (const socket of stranger.held) socket.destroy();
  await host.stop();
});

/** The lot is drawn evenly, and the same in every run. */
async function open(): Promise<void> {
  let draw = 0;
  stranger = { isGone: false, held: [], mayComeBack: Number.POSITIVE_INFINITY };
  host = await startSshHost({
    random: () => {
      draw += 0.618_033_988_75;
      return draw % 1;
    },
  });
}

/** Holds a connection from `localAddress`, and opens it again whenever it is cut. */
function hold(
  localAddress: string,
  { says = '', comesBack = true, againAfterMs = AGAIN_AFTER_MS } = {},
): void {
  const { held } = stranger;
  const socket = connect({ port: host.port, host: '127.0.0.1', localAddress });
  held.push(socket);
  socket.on('error', () => undefined).resume();
  socket.on('connect', () => socket.write(says));
  const self = stranger;
  const again = (): void => {
    if (self.isGone) return;
    if (self.mayComeBack === 0) return void setTimeout(again, againAfterMs).unref();
    self.mayComeBack -= 1;
    hold(localAddress, { says, againAfterMs });
  };
  if (comesBack) socket.on('close', () => setTimeout(again, againAfterMs).unref());
}

/** Until all that were opened first are connected: the host has them then, or they are the next that it takes. */
async function holding(): Promise<void> {
  const opening = stranger.held.filter((socket) => socket.readyState === 'opening');
  await Promise.all(opening.map((socket) => once(socket, 'connect')));
}

/** So many come back at most while one login lasts, however long that is. */
async function logins(attempts: number, comeBack = Number.POSITIVE_INFINITY): Promise<number> {
  let successes = 0;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    stranger.mayComeBack = comeBack;
    const outcome = await host.ssh([PERSON, 'echo in']);
    if (outcome.stdout.toString() === 'in\n') successes += 1;
  }
  return successes;
}

test('150 silent connections from one address keep out nobody else, ever', async () => {
  await open();
  for (let at = 0; at < 150; at += 1) hold('127.0.0.2');
  await holding();
  expect(await logins(5)).toBe(5);
});

test('from 150 addresses they keep out few', async () => {
  await open();
  for (let at = 0; at < 150; at += 1) hold(`127.0.1.${at + 1}`, { againAfterMs: SLOWLY_AGAIN_AFTER_MS });
  await holding();
  // Each of ten newcomers takes the place of one in a hundred: one login in ten fails.
  expect(await logins(8, 10)).toBeGreaterThanOrEqual(4);
});

test('64 from the address of the person himself keep him out one time in 33', async () => {
  await open();
  for (let at = 0; at < 64; at += 1) hold('127.0.0.1', { comesBack: false });
  await holding();
  expect(await logins(8)).toBeGreaterThanOrEqual(6);
});

test('that they begin to speak SSH changes nothing', async () => {
  await open();
  for (let at = 0; at < 150; at += 1) hold('127.0.0.2', { says: 'SSH-2.0-OpenSSH_9.2\r\n' });
  await holding();
  expect(await logins(5)).toBe(5);
});

// Remote forwarding: a connection that ends before its address is known, and a client that does not answer.
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Connection } from 'ssh2';
import { expect, test } from 'vitest';
import { TransportGate } from '../../../../services/agent/ssh/channel/transport-gate.ts';
import {
  ForwardStreams,
  OPEN_ANSWER_TIMEOUT_MS,
} from '../../../../services/agent/ssh/forward/forward-context.ts';
import { serveRemoteForwards } from '../../../../services/agent/ssh/forward/forward-remote.ts';
import { systemClock } from '../../../../services/shared/time/clock.ts';
import { FakeChannel } from '../../../support/ssh/fake-channel.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

function ask(connection: EventEmitter): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (): void => {
      reject(new Error('refused'));
    };
    connection.emit('request', resolve, refuse, 'tcpip-forward', { bindAddr: '127.0.0.1', bindPort: 0 });
  });
}

test('nobody listens after the end, not even who was about to', async () => {
  const connection = new EventEmitter();
  const events: string[] = [];
  const stop = serveRemoteForwards(
    new ForwardStreams({
      connection: connection as unknown as Connection,
      gate: new TransportGate(new PassThrough()),
      clock: systemClock,
      allowed: { ports: 'allowed', agent: 'allowed' },
      onActivity: () => {},
      onServed: () => {},
      onAsked: () => {},
      log: (event) => events.push(event),
    }),
  );
  expect(await ask(connection)).toBeGreaterThan(0);
  const late = ask(connection);
  stop();
  // Node needs less than this to look up a number and to bind.
  for (let turn = 0; turn < 10; turn++) await setImmediate();
  expect(events).toEqual(['forward listening']);
  expect(await Promise.race([late, setImmediate('unanswered')])).toBe('unanswered');
});

test('who connects to a port of a client that does not answer is let go, and a late channel is closed', async () => {
  const { promise: asked, resolve } =
    Promise.withResolvers<(error: undefined, channel: FakeChannel) => void>();
  const connection = Object.assign(new EventEmitter(), {
    forwardOut(...args: unknown[]) {
      resolve(args.at(-1) as (error: undefined, channel: FakeChannel) => void);
    },
  });
  const clock = new ManualClock();
  const stop = serveRemoteForwards(
    new ForwardStreams({
      connection: connection as unknown as Connection,
      gate: new TransportGate(new PassThrough()),
      clock,
      allowed: { ports: 'allowed', agent: 'allowed' },
      onActivity: () => {},
      onServed: () => {},
      onAsked: () => {},
      log: () => {},
    }),
  );
  const caller = connect({ port: await ask(connection), host: '127.0.0.1' });
  caller.on('error', () => {});
  const answer = await asked;
  clock.advance(OPEN_ANSWER_TIMEOUT_MS);
  await once(caller, 'close');
  const late = new FakeChannel();
  answer(undefined, late);
  await late.finished;
  stop();
});

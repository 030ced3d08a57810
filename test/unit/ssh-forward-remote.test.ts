// Remote forwarding whose connection ends before its address is known.
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Connection } from 'ssh2';
import { expect, test } from 'vitest';
import { ForwardStreams } from '../../services/agent/ssh/forward-context.ts';
import { serveRemoteForwards } from '../../services/agent/ssh/forward-remote.ts';
import { TransportGate } from '../../services/agent/ssh/transport-gate.ts';
import { systemClock } from '../../services/shared/clock.ts';

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
      allowed: true,
      onActivity: () => {},
      onServed: () => {},
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

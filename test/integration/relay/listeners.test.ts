// The two listeners of a relay, as its log tells of them.
import { expect, test } from 'vitest';
import { startRelay } from '../../support/relay/relay.ts';

test('each says that it listens and where, and which of the two it is', async () => {
  await using running = await startRelay();
  const { port, internalPort, log } = running;
  expect(log.filter(({ msg }) => msg.includes('listening'))).toMatchObject([
    { level: 30, msg: 'listening', listener: 'internal', host: '127.0.0.1', port: internalPort },
    { level: 30, msg: 'listening', listener: 'public', host: '127.0.0.1', port },
  ]);
});

// The door for other pods: whose credential a request must carry.
import { expect, test } from 'vitest';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { PEER_HEADER, signPeerRequest } from '../../../../services/relay/hop/peer-credentials.ts';
import { judgePeer } from '../../../../services/relay/http/door/peer.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const KEY = new ClusterKey(['a-secret-of-this-test-that-opens-nothing']);

test.each([
  ['GET', 'GET', 'genuine'],
  ['HEAD', 'GET', 'genuine'],
  ['HEAD', 'HEAD', 'forged'],
  ['POST', 'GET', 'forged'],
  ['GET', 'POST', 'forged'],
] as const)('a %s that is signed as a %s is %s', (method, signedAs, verdict) => {
  const clock = new ManualClock();
  const credential = signPeerRequest(
    KEY,
    { method: signedAs, path: '/sessions', body: '' },
    clock.wallTime(),
  );
  const request = { headers: { [PEER_HEADER]: credential }, method, url: '/sessions' };
  expect(judgePeer(request as unknown as Parameters<typeof judgePeer>[0], '', { clock, key: KEY })).toBe(
    verdict,
  );
});

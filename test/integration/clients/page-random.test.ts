// Random sessions of a page over transports that are lost: `test/fuzz` plays ten thousand, these are some of them.
import { expect, test } from 'vitest';
import { playRandomSession } from '../../support/page-client/random-session.ts';

const SESSIONS = 120;
const AT_A_TIME = 12;

test(`${SESSIONS} sessions with losses, new keys and windows of all sizes bring every byte`, async () => {
  const seen = { transports: 0, exchanges: 0, bytes: 0 };
  let next = 0;
  const play = async (): Promise<void> => {
    while (next < SESSIONS) {
      const seed = 1_000 * next++;
      const played = await playRandomSession(seed).catch((fault: unknown) => {
        throw new Error(`seed ${seed}`, { cause: fault });
      });
      seen.transports += played.transports;
      seen.exchanges += played.exchanges;
      seen.bytes += played.bytes;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, play));
  // Chance had its share.
  expect(seen.transports).toBeGreaterThan(SESSIONS * 1.2);
  expect(seen.exchanges).toBeGreaterThan(SESSIONS * 1.1);
  expect(seen.bytes).toBeGreaterThan(SESSIONS * 10_000);
});

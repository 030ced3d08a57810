// Claims an ID in the Redis of the first argument and prints the entry; with the argument `refused`, prints why Redis could
// not be used, three times. A process of its own, because Node reads NODE_EXTRA_CA_CERTS once, at its start.
import { systemClock } from '#shared/time/clock.ts';
import { RedisPods } from '../../support/redis/redis-pods.ts';
import { until } from '../../support/time/poll.ts';

const ATTEMPTS = 3;
/** Ahead of the interval in which the registry does not repeat itself, in milliseconds. */
const STEP_MS = 60_000;

const [url = '', mode] = process.argv.slice(2);
await using pods = new RedisPods(url);
if (mode === 'refused') {
  let now = Date.now();
  const hurriedClock = { ...systemClock, now: () => (now += STEP_MS) };
  const { log } = pods.open({ clock: hurriedClock });
  await until('several attempts', () => log.length >= ATTEMPTS, 20_000);
  console.log(log.join('\n'));
} else {
  const pod = pods.open();
  await pod.ready();
  const waiting = pod.registry.waitFor('job', 20_000);
  await pod.registry.claim('job', 'hash-a', pod.owner);
  console.log(JSON.stringify(await waiting));
}

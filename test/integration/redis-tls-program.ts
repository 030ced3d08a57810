// Claims an ID in the Redis of the first argument and prints what came of it, or why Redis is of no use. A process of its
// own, because Node reads NODE_EXTRA_CA_CERTS once, at its start.
import { until } from '../support/poll.ts';
import { RedisPods } from '../support/redis-pods.ts';

const [url = ''] = process.argv.slice(2);
await using pods = new RedisPods(url);
const pod = pods.open();
await until(
  'an outcome',
  () => pod.readies() > 0 || pod.log.some((line) => line.includes('not usable')),
  20_000,
);
if (pod.readies() === 0) {
  console.log(pod.log.join('\n'));
} else {
  const waiting = pod.registry.waitFor('job', 20_000);
  await pod.registry.claim('job', 'hash-a', pod.owner);
  console.log(JSON.stringify(await waiting));
}

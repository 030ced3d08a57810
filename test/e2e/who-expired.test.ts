// A job that is longer than its identity token: the agent comes back by its pass when its pod is killed, and the shell in it goes on.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startCounter } from '../support/chaos/counter.ts';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { gitlabEnvironment } from '../support/entry/ci-environment.ts';
import { askOperator } from '../support/entry/policy-relay.ts';
import { launchAgent } from '../support/laptop/job.ts';
import { makeKey } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { TcpBalancer } from '../support/mesh/tcp-balancer.ts';
import { startRedis } from '../support/redis/redis-server.ts';
import { GITLAB_CLAIMS } from '../support/relay/issuer-claims.ts';
import { TestIssuer } from '../support/relay/test-issuer.ts';
import { until } from '../support/time/poll.ts';

/** A relay takes a token for so long after its end: clocks differ. In seconds. */
const LEEWAY_SECONDS = 60;

/** Until the token is of no use any more, in seconds: an agent starts within that, on two busy cores. */
const LEFT_SECONDS = 20;

const world = useWorld();

test('an agent whose token has expired keeps its place over the death of its pod, and the session of ssh with it', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis[Symbol.asyncDispose]());
  const issuer = await TestIssuer.start();
  onTestFinished(() => issuer[Symbol.asyncDispose]());
  const file = join(await world.makeFolder('policy'), 'policy.yaml');
  const env = {
    REDIS_URL: redis.url,
    CLUSTER_SECRET: randomBytes(32).toString('base64url'),
    POLICY_FILE: file,
  };
  const pods = [
    await createMortalRelay(world, { ...env, POD_ID: 'pod-1' }),
    await createMortalRelay(world, { ...env, POD_ID: 'pod-2' }),
  ] as const;
  const balancer = new TcpBalancer(pods);
  await balancer.start();
  onTestFinished(() => balancer[Symbol.asyncDispose]());
  const audience = `http://127.0.0.1:${balancer.port}`;
  await writeFile(
    file,
    `audience: ${audience}
issuers: { corp: { url: '${issuer.url}', like: gitlab } }
agents: [ { name: corp, issuer: corp, match: { namespace_path: acme/tools }, ids: 'gl.{project_id}.*' } ]
`,
  );
  for (const pod of pods) await pod.start();

  const relay = `ws://127.0.0.1:${balancer.port}`;
  const key = await makeKey(world);
  const exp = Math.floor(Date.now() / 1_000) - LEEWAY_SECONDS + LEFT_SECONDS;
  const job = await gitlabEnvironment(issuer, audience, {
    ...GITLAB_CLAIMS,
    iat: exp - 300,
    nbf: exp - 300,
    exp,
  });
  const { agent, way } = await openJob(world, { relay, id: 'gl.20.1', env: job, held: true, key });
  const counter = await startCounter(way, agent.job);

  // What a token is worth by now, somebody else with the same one finds out.
  await until('the token is over', () => Date.now() / 1_000 > exp + LEEWAY_SECONDS + 1, 60_000, 100);
  const late = await launchAgent(world, { relay, id: 'gl.20.2', env: job });
  expect(await late.process.exited).toEqual({ code: 4, signal: null });
  expect(late.process.stderr).toMatch(/^agent: \S+ refused: .*expired.* \(token_expired\)\n$/);

  const isOnFirst = (await askOperator(pods[0])).agents.length > 0;
  const [home, other] = isOnFirst ? pods : [pods[1], pods[0]];
  await counter.moves();
  await home.end('SIGKILL');
  await agent.process.see(/connected to the relay again/);
  await counter.moves();
  expect((await askOperator(other)).agents).toMatchObject([
    { id: 'gl.20.1', rule: 'corp', subject: 'acme/tools/app, job 302' },
  ]);
  expect(
    await other.metric('converge_admissions_total{role="agent",rule="corp",by="pass"}'),
  ).toBeGreaterThanOrEqual(1);
  // A new person gets in, too: the agent is not only linked, it is served.
  expect((await way.ssh([way.host, 'echo in'])).stdout).toBe('in\n');
  await counter.stop();
  expect(agent.process.stdout).not.toMatch(/given up|broken off|was refused/);
});

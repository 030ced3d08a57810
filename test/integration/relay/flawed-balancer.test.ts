// Newcomers behind a balancer that still leads to pods that are gone: the programs try on until they meet one that serves.
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startConnectProxy } from '../../support/network/connect-proxy.ts';
import { type Flaw, FlawedBalancer } from '../../support/network/flawed-balancer.ts';
import { cleanEnvironment, outputOf, startClientProgram } from '../../support/process/client-program.ts';
import { startProcess } from '../../support/process/started-process.ts';
import { MoodyRelay } from '../../support/relay/moody-relay.ts';
import { say, startStandInRelay } from '../../support/relay/stand-in-relay.ts';

const AGENT = fileURLToPath(new URL('../../../services/agent/main.ts', import.meta.url));

const DRAINING = JSON.stringify({ code: 'draining', message: 'this relay is going away' });

/** More in a row than three pods of which two are gone would have, once in two hundred. */
const FLAWS: readonly Flaw[] = [
  { kind: 'reset_at_once' },
  { kind: 'reset_when_asked' },
  { kind: 'closed_when_asked' },
  { kind: 'http', head: '502 Bad Gateway', body: 'no' },
  { kind: 'http', head: '503 Service Unavailable', body: '' },
  { kind: 'http', head: '503 Service Unavailable', body: DRAINING },
  { kind: 'http', head: '504 Gateway Timeout', body: '' },
  { kind: 'reset_at_once' },
  { kind: 'reset_at_once' },
  { kind: 'reset_when_asked' },
  { kind: 'reset_when_asked' },
  { kind: 'reset_at_once' },
  { kind: 'reset_at_once' },
  { kind: 'reset_at_once' },
];

/** What a newcomer without --wait gets through `flaws`, and then a relay; behind a proxy the flaws are those of it. */
async function arriveThrough(flaws: readonly Flaw[], way: 'direct' | 'proxy'): Promise<string> {
  const relay = await startStandInRelay({ serve: say(Buffer.from('greetings')) });
  const proxy = await startConnectProxy();
  await using balancer = await new FlawedBalancer(flaws, way === 'direct' ? relay.port : proxy.port).start();
  const url =
    way === 'direct'
      ? `ws://127.0.0.1:${balancer.port}${relay.prefix}/client/job-1`
      : relay.url('relay.test');
  const env: Record<string, string> = way === 'direct' ? {} : { HTTP_PROXY: `127.0.0.1:${balancer.port}` };
  const { code, output, errors } = await outputOf(startClientProgram('wsproxy', [url], env));
  await proxy.close();
  await relay.close();
  expect(errors).toMatch(/^(wsproxy: [^\n]+\n)?$/);
  return `${code} ${output.toString()} ${balancer.left} left`;
}

test('wsproxy gets in through fourteen connections that lead nowhere', async () => {
  expect(await arriveThrough(FLAWS, 'direct')).toBe('0 greetings 0 left');
});

test.each(['reset_at_once', 'reset_when_asked', 'closed_when_asked'] as const)(
  'so it does behind a proxy of which connections are %s',
  async (kind) => {
    expect(await arriveThrough([{ kind }, { kind }], 'proxy')).toBe('0 greetings 0 left');
  },
);

test('the agent gets in through ten, with a line for each kind of trouble and none for each attempt', async () => {
  const relay = new MoodyRelay();
  const { port } = new URL(await relay.start());
  const flaws = FLAWS.slice(0, 10);
  await using balancer = await new FlawedBalancer(flaws, Number(port)).start();
  const command = [process.execPath, AGENT, `ws://127.0.0.1:${balancer.port}/agent/job`] as const;
  const agent = startProcess('agent', command, { cwd: tmpdir(), env: cleanEnvironment() });
  try {
    await agent.see(/wsproxy ssh /);
    expect(balancer.left).toBe(0);
    expect(agent.stderr).toMatch(/^(agent: [^\n]+\n)?$/);
    agent.kill('SIGTERM');
    expect(await agent.exited).toEqual({ code: 0, signal: null });
  } finally {
    agent.kill('SIGKILL');
    relay.stop();
  }
});

// A stranger behind a trusted proxy writes an address of their own making: they want the agent to lose its link over it.
import { expect, test } from 'vitest';
import { MAX_ADDRESS_LENGTH } from '#shared/protocol/address.ts';
import { ClusterKey } from '../../services/relay/hop/cluster-key.ts';
import { PEER_HEADER, signPeerRequest } from '../../services/relay/hop/peer-credentials.ts';
import { EchoAgent } from '../support/relay/echo-agent.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import { openClientStream, type RunningRelay } from '../support/relay/relay.ts';
import { openRelay } from '../support/relay/test-relay.ts';
import { settle, until } from '../support/time/poll.ts';

const SECRET = 's'.repeat(32);
const EMBEDDED = `${'0000:'.repeat(5)}ffff:255.255.255.255`;

async function start(trustProxy = 'true'): Promise<RunningRelay> {
  const running = await openRelay({ env: { TRUST_PROXY: trustProxy, CLUSTER_SECRET: SECRET } });
  return running;
}

/** Every address in the log. */
function addressesIn({ log }: RunningRelay): Set<unknown> {
  return new Set(log.flatMap((line) => [line['address'], line['client']].filter((it) => it !== undefined)));
}

test('an agent whose clients come from nowhere keeps its one link, and serves them', async () => {
  const running = await start();
  await using agent = new EchoAgent({ id: 'job', linkPort: running.port });
  await agent.linked();
  const forged = [
    'x'.repeat(1_025),
    'x'.repeat(4_000),
    '"},{"type":"goaway',
    '<script>',
    '999.1.1.1',
    'unknown',
    '',
  ];
  for (const address of forged) {
    const outcome = await openClientStream(running.port, 'job', { headers: { 'X-Forwarded-For': address } });
    expect(outcome).toMatchObject({ kind: 'open' });
    if (outcome.kind === 'open') outcome.stream.close({ reason: 'ended' });
  }
  expect(agent.losses).toEqual([]);
  expect(agent.welcomes).toHaveLength(1);
  expect(addressesIn(running)).toEqual(new Set(['127.0.0.1']));
});

test.each([
  ['198.51.100.7', '198.51.100.7'],
  ['198.51.100.7:5678', '198.51.100.7'],
  ['[2001:db8::7]:5678', '2001:db8::7'],
  ['"[2001:DB8:0:0:0:0:0:7]"', '2001:db8::7'],
  ['::ffff:198.51.100.7', '198.51.100.7'],
  ['fe80::7%eth0', 'fe80::7'],
  ['203.0.113.9, 198.51.100.7', '203.0.113.9'],
  ['198.51.100.7\t', '198.51.100.7'],
  ['[198.51.100.7]', '127.0.0.1'],
  ['198.51.100.7:', '127.0.0.1'],
  ['198.51.100.7; rm -rf /', '127.0.0.1'],
])('what a proxy says as %j reaches the agent as %s', async (said, heard) => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const leaving = new AbortController();
  const asking = openClientStream(running.port, 'job', {
    headers: { 'X-Forwarded-For': said },
    signal: leaving.signal,
  });
  expect(await agent.dial()).toMatchObject({ client: heard });
  leaving.abort();
  await asking;
});

test('who is not trusted is who he is, whatever he writes', async () => {
  const running = await start('false');
  using agent = await openAgent(running.port, 'job');
  const leaving = new AbortController();
  const headers = { 'X-Forwarded-For': '198.51.100.7' };
  const asking = openClientStream(running.port, 'job', { headers, signal: leaving.signal });
  expect(await agent.dial()).toMatchObject({ client: '127.0.0.1' });
  leaving.abort();
  await asking;
});

test('an order of a peer whose address is none, or too long, is refused and counted, and the agent hears nothing', async () => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const order = (client: unknown, ticket: unknown = 't') => {
    const body = JSON.stringify({ ticket, client, resumable: false });
    const request = { method: 'POST', path: '/dial/job', body };
    const credential = signPeerRequest(new ClusterKey([SECRET]), request, Date.now());
    const headers = { 'content-type': 'application/json', [PEER_HEADER]: credential };
    return fetch(`http://127.0.0.1:${running.internalPort}/dial/job`, { method: 'POST', headers, body });
  };
  const bad: [unknown, unknown?][] = [
    ['x'.repeat(1_025)],
    [`${EMBEDDED}0`],
    ['fe80::1\n'.repeat(2)],
    [7],
    [''],
    ['192.0.2.1', 't'.repeat(1_025)],
    ['192.0.2.1', 't/../x'],
  ];
  for (const [client, ticket] of bad) expect((await order(client, ticket)).status).toBe(400);
  expect(await running.metric('converge_peer_rejections_total{verdict="malformed"}')).toBe(bad.length);
  expect(EMBEDDED).toHaveLength(MAX_ADDRESS_LENGTH);
  expect((await order(EMBEDDED)).status).toBe(202);
  expect(await agent.dial()).toMatchObject({ client: '255.255.255.255' });
  expect(agent.messages.filter(({ type }) => type === 'dial')).toHaveLength(1);
});

test('a peer that has left is logged with the address that it had', async () => {
  const running = await start('false');
  using agent = await openAgent(running.port, 'job', { headers: { 'X-Forwarded-For': '198.51.100.7' } });
  agent.transport.resetAndDestroy();
  await until('it is unlinked', () => running.log.some(({ msg }) => msg === 'agent unlinked'));
  await settle();
  expect(addressesIn(running)).toEqual(new Set(['127.0.0.1']));
});

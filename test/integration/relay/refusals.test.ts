// What a relay refuses before the upgrade: status, code, one log line, one counter, and nobody else notices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { parseRefusal, REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { MemoryRegistry } from '../../../services/relay/registry/memory-registry.ts';
import { RegistryUnavailable } from '../../../services/relay/registry/registry-unavailable.ts';
import { dialAgent, openAgent, openAgentStream, socketOf, textOf } from '../../support/relay/fake-agent.ts';
import {
  handshakeText,
  openClient,
  openRaw,
  type RunningRelay,
  startRelay,
} from '../../support/relay/relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

let running: RunningRelay;
beforeAll(async () => {
  running = await startRelay();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends `text` and reads the whole answer, until the relay closes. */
async function ask(text: string, port = running.port): Promise<Answer> {
  using peer = await openRaw(port, text);
  const answer = await peer.closed;
  const [headers = '', body = ''] = answer.split('\r\n\r\n');
  if (body.startsWith('{')) expect(headers).toMatch(/^x-content-type-options: nosniff$/im);
  return { status: Number(headers.split(' ')[1]), headers, body };
}

/** Runs `attempt` and checks that the relay counted and logged exactly one refusal with `code`. */
async function expectRefusal(code: RefusalCode, attempt: () => Promise<Answer>): Promise<Answer> {
  const counter = `converge_refusals_total{code="${code}"}`;
  const counted = await running.metric(counter);
  const logged = running.log.length;
  const answer = await attempt();
  expect(answer.status).toBe(REFUSALS[code].status);
  expect(parseRefusal(answer.body)).toMatchObject({ code });
  await until('the counter', async () => (await running.metric(counter)) === counted + 1);
  const lines = running.log.slice(logged);
  expect(lines.map(({ msg, code: word }) => ({ msg, code: word }))).toEqual([
    { msg: 'request refused', code },
  ]);
  expect(lines[0]).toMatchObject({ address: '127.0.0.1' });
  return answer;
}

const control = { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() };

test.each([
  ['a broken escape', '/client/%zz'],
  ['a dot segment', '/client/..'],
  ['a space', '/client/a%20b'],
  ['no letters at all', '/agent/-rf'],
  ['129 characters', `/client/${'x'.repeat(129)}`],
  ['2,000 characters', `/client/${'x'.repeat(2_000)}`],
  ['10,000 characters', `/agent/${'x'.repeat(10_000)}`],
  ['nothing', '/client/'],
])('an id of %s is 400', async (_, path) => {
  const answer = await expectRefusal('invalid_id', () => ask(handshakeText(path, control)));
  expect(answer.body).toContain('1 to 128 of A-Z a-z 0-9 . _ -');
  expect(answer.body.length).toBeLessThan(1_000);
});

test('an agent that is not there is 404', async () => {
  await expectRefusal('agent_not_found', () => ask(handshakeText('/client/nobody')));
});

test.each(['/agent/x/stream', '/agent/x/y/z', '/client/x/y', '/nowhere', '/', '/hop/abc', '/dial/x'])(
  'a WebSocket on %s is no part of the public listener',
  async (path) => {
    const text = handshakeText(path, control);
    if (path === '/')
      expect((await ask(text.replace('Connection: Upgrade', 'Connection: Upgrade, close'))).status).toBe(200);
    else
      await expectRefusal('not_found', () =>
        ask(text.replace('Connection: Upgrade', 'Connection: Upgrade, close')),
      );
  },
);

test.each(['GET', 'POST', 'DELETE'])('%s on a path that is not there is 404', async (method) => {
  await expectRefusal('not_found', () =>
    ask(`${method} /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
  );
});

test.each(['/client/x', '/agent/x', `/agent/x/stream/abc`])('a plain GET on %s is 426', async (path) => {
  const answer = await expectRefusal('upgrade_required', () =>
    ask(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
  );
  expect(answer.headers.toLowerCase()).toContain('upgrade: websocket');
});

test.each([
  ['another WebSocket version', { 'Sec-WebSocket-Version': '7' }],
  ['no key', { 'Sec-WebSocket-Key': '' }],
  ['a key that is none', { 'Sec-WebSocket-Key': 'abc' }],
])('a handshake with %s is 426 and says which version is spoken', async (_, headers) => {
  const answer = await expectRefusal('upgrade_required', () =>
    ask(handshakeText('/client/x', { Connection: 'Upgrade, close', ...headers })),
  );
  expect(answer.headers.toLowerCase()).toContain('sec-websocket-version: 13');
});

test('a control link whose list of subprotocols is malformed is 400, and its agent may try again', async () => {
  const counted = await running.metric('converge_malformed_requests_total{reason="not_http"}');
  const headers = { ...control, 'Sec-WebSocket-Protocol': `${AGENT_CONTROL},,x` };
  expect((await ask(handshakeText('/agent/odd-protocols', headers))).status).toBe(400);
  expect(await running.metric('converge_malformed_requests_total{reason="not_http"}')).toBe(counted + 1);
  using agent = await openAgent(running.port, 'odd-protocols', { claim: control[CLAIM_HEADER] });
  expect(agent.messages[0]).toMatchObject({ type: 'welcome' });
});

test.each([
  ['no claim', {}],
  ['a short claim', { [CLAIM_HEADER]: 'short' }],
  ['a claim of the wrong letters', { [CLAIM_HEADER]: '/'.repeat(43) }],
  ['two claims', { [CLAIM_HEADER]: `${createClaim()}, ${createClaim()}` }],
])('an agent with %s is 401', async (_, headers) => {
  await expectRefusal('unauthorized', () =>
    ask(handshakeText('/agent/x', { 'Sec-WebSocket-Protocol': AGENT_CONTROL, ...headers })),
  );
});

test.each([
  ['of another version', { 'Sec-WebSocket-Protocol': 'converge.agent.v0' }],
  ['without a version', {}],
])('an agent %s is 426 and told where to get another', async (_, headers) => {
  const answer = await expectRefusal('upgrade_required', () =>
    ask(handshakeText('/agent/x', { [CLAIM_HEADER]: createClaim(), ...headers })),
  );
  expect(answer.body).toContain('http://relay.test/docs/agent');
});

test('an id that is taken is 409, and its holder does not notice', async () => {
  using holder = await openAgent(running.port, 'taken');
  await expectRefusal('id_taken', async () => {
    const outcome = await dialAgent(running.port, 'taken');
    if (outcome.kind !== 'refused') throw new Error(outcome.kind);
    return { status: outcome.status, headers: '', body: JSON.stringify(outcome.refusal) };
  });
  const client = openClient(running.port, 'taken');
  const { ticket } = await holder.dial();
  const stream = socketOf(await openAgentStream(running.port, 'taken', ticket));
  const socket = socketOf(await client);
  const received = textOf(socket);
  socket.resume();
  stream.send(Buffer.from('still mine'));
  await until('the bytes', () => received() === 'still mine');
  stream.terminate();
  socket.terminate();
});

test('a ticket is good once, and for its own agent only', async () => {
  using agent = await openAgent(running.port, 'tickets');
  const client = openClient(running.port, 'tickets');
  const { ticket } = await agent.dial();
  const asStream = (id: string, word: string) => async (): Promise<Answer> => {
    const outcome = await openAgentStream(running.port, id, word);
    if (outcome.kind !== 'refused') throw new Error(outcome.kind);
    return { status: outcome.status, headers: '', body: JSON.stringify(outcome.refusal) };
  };
  await expectRefusal('unauthorized', asStream('another', ticket));
  await expectRefusal('unauthorized', asStream('tickets', 'forged'));
  await expectRefusal('unauthorized', asStream('tickets', `${ticket.slice(0, -4)}AAAA`));
  const stream = socketOf(await openAgentStream(running.port, 'tickets', ticket));
  const socket = socketOf(await client);
  await expectRefusal('unauthorized', asStream('tickets', ticket));
  stream.terminate();
  socket.terminate();
});

test('a registry that cannot be reached is 503, one that is broken is 500, and neither says more', async () => {
  const registry = new MemoryRegistry(new ManualClock());
  let fault: Error = new RegistryUnavailable('down');
  registry.lookup = () => Promise.reject(fault);
  registry.claim = () => Promise.reject(fault);
  const broken = await startRelay({ registry });
  const before = running;
  running = broken;
  try {
    await expectRefusal('registry_unavailable', () => ask(handshakeText('/client/x')));
    await expectRefusal('registry_unavailable', () => ask(handshakeText('/agent/x', control)));
    fault = new Error('the password is hunter2');
    for (const path of ['/client/x', '/agent/x']) {
      const logged = broken.log.length;
      const answer = await ask(handshakeText(path, control));
      expect(answer.status).toBe(500);
      expect(parseRefusal(answer.body)).toMatchObject({ code: 'fault' });
      expect(answer.body).not.toContain('hunter2');
      expect(JSON.stringify(broken.log.slice(logged))).toContain('hunter2');
    }
    expect(await broken.metric('converge_refusals_total{code="fault"}')).toBe(2);
  } finally {
    running = before;
    await broken[Symbol.asyncDispose]();
  }
});

test('health, readiness and metrics are on the internal listener only', async () => {
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await fetch(`http://127.0.0.1:${running.internalPort}${path}`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${running.port}${path}`)).status).toBe(404);
  }
  expect((await fetch(`http://127.0.0.1:${running.internalPort}/`)).status).toBe(404);
});

// Limits as people meet them: agent and wsproxy that wait as they are told, ingresses that nobody named, memory that is short.
import { describe, expect, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { parseRefusal } from '#shared/protocol/refusals.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import { READ_MEMORY_EVERY_MS } from '../../../services/relay/limits/pod-limits.ts';
import type { ProcessMemory } from '../../../services/relay/limits/process-memory.ts';
import { ResumingClient } from '../../support/clients/resuming-client.ts';
import { EchoAgent } from '../../support/relay/echo-agent.ts';
import { openPlainSession } from '../../support/relay/echo-session.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import {
  handshakeText,
  openRaw,
  type RawConnection,
  type RunningRelay,
  startRelay,
} from '../../support/relay/relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** Somebody who asks, and stays connected where they are let in. */
class Asker implements Disposable {
  readonly #port: number;
  readonly #peers: RawConnection[] = [];

  constructor({ port }: RunningRelay) {
    this.#port = port;
  }

  async ask(text: string, from?: string): Promise<Answer> {
    const peer = await openRaw(this.#port, text, from);
    this.#peers.push(peer);
    await until('an answer', () => /\r\n\r\n/.test(peer.received()));
    const status = Number(peer.received().slice(9, 12));
    if (status !== 101) await peer.closed;
    const [head = '', body = ''] = peer.received().split('\r\n\r\n', 2);
    const refusal = parseRefusal(body);
    return {
      status,
      retryAfter: /^retry-after: (.*)$/im.exec(head)?.[1],
      code: refusal?.code,
      message: refusal?.message.printable(),
    };
  }

  /** A control link; the status of the answer. */
  async link(headers: Readonly<Record<string, string>> = {}, from?: string): Promise<number> {
    return (await this.ask(linkText(headers), from)).status;
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#peers) socket.destroy();
  }
}

/** Of a control link with an ID of its own. */
function linkText(headers: Readonly<Record<string, string>> = {}): string {
  const id = `job-${process.hrtime.bigint()}`;
  return handshakeText(`/agent/${id}`, {
    'Sec-WebSocket-Protocol': AGENT_CONTROL,
    [CLAIM_HEADER]: createClaim(),
    ...headers,
  });
}

describe('what who is over the limit does', () => {
  test('an agent waits as it is told, says why, and links once there is room', async () => {
    const env = { LIMIT_PRIVATE_ADDRESSES: 'true', ADDRESS_MAX_LINKS: '1' };
    await using running = await startRelay({ env });
    const first = await openAgent(running.port, 'first');
    const clock = new ManualClock();
    await using second = new EchoAgent({ id: 'second', linkPort: running.port, clock });
    await until('it is told', () => second.troubles.length === 1);
    expect(second.troubles[0]?.message).toMatch(
      /^127\.0\.0\.1:\d+ asks to wait 5 s: too many agents from this address, at most 1 \(ADDRESS_MAX_LINKS\)/,
    );
    clock.advance(4_900);
    expect(await running.metric('converge_limit_hits_total{limit="address_links"}')).toBe(1);
    expect(await running.metric('converge_refusals_total{code="rate_limited"}')).toBe(1);
    first[Symbol.dispose]();
    await until('there is room', async () => (await running.metric('converge_agents')) === 0);
    // The longest jitter, and not a moment more.
    clock.advance(2_600);
    await second.linked();
    expect(second.troubles).toHaveLength(1);
  });

  test('wsproxy waits as it is told, says why, and gets in once there is room', async () => {
    const env = { LIMIT_PRIVATE_ADDRESSES: 'true', ADDRESS_MAX_SESSIONS: '1' };
    await using running = await startRelay({ env });
    await using agent = new EchoAgent({ id: 'job', linkPort: running.port });
    await agent.linked();
    const first = await openPlainSession(running.port, 'job');
    const client = new ResumingClient(`ws://127.0.0.1:${running.port}/client/job`);
    try {
      await until('it is refused', async () => {
        return (await running.metric('converge_limit_hits_total{limit="address_sessions"}')) === 1;
      });
      await client.pass('the person is told', () => client.lines.length > 0);
      expect(client.lines[0]).toMatch(
        /^(wsproxy: )?127\.0\.0\.1:\d+ asks to wait 5 s: too many sessions from this address, at most 1 /,
      );
      first[Symbol.dispose]();
      await until('there is room', async () => (await running.metric('converge_sessions')) === 0);
      client.input.write('SSH-2.0-me\r\n');
      await client.pass('its bytes come back', () => client.received.includes('SSH-2.0-me'));
    } finally {
      await client.close();
    }
  });
});

describe('whose address it is', () => {
  const limited = { ADDRESS_MAX_LINKS: '1' };

  test('behind an ingress that TRUST_PROXY does not name, one is not limited for all', async () => {
    await using running = await startRelay({ env: limited });
    using somebody = new Asker(running);
    for (let count = 0; count < 5; count += 1)
      expect(await somebody.link({ 'X-Forwarded-For': '203.0.113.7' })).toBe(101);
    // Whoever runs it is told, once.
    const warnings = running.log.filter(({ msg }) =>
      msg.startsWith('a proxy that TRUST_PROXY does not name'),
    );
    expect(warnings).toEqual([expect.objectContaining({ level: 40, address: '127.0.0.1' })]);
  });

  test('behind one that it names, each address of a client has its own share', async () => {
    await using running = await startRelay({ env: { ...limited, TRUST_PROXY: 'loopback' } });
    using somebody = new Asker(running);
    const from = (address: string) => somebody.link({ 'X-Forwarded-For': address });
    expect(await from('203.0.113.7')).toBe(101);
    expect(await from('203.0.113.7')).toBe(429);
    expect(await from('203.0.113.8')).toBe(101);
    expect(await from('2001:db8:1:2::7')).toBe(101);
    expect(await from('2001:db8:1:2:ffff::8')).toBe(429);
    expect(await from('2001:db8:1:3::7')).toBe(101);
    // A private one that the proxy names is a client's.
    expect(await from('10.0.0.9')).toBe(101);
    expect(await from('10.0.0.9')).toBe(429);
    // What comes without the proxy's word may be the proxy itself: a probe, or a test in the cluster.
    expect(await somebody.link()).toBe(101);
    expect(await somebody.link()).toBe(101);
    expect(running.log.filter(({ msg }) => msg.includes('TRUST_PROXY'))).toEqual([]);
  });

  test('a listed address is not limited', async () => {
    const env = { ...limited, LIMIT_PRIVATE_ADDRESSES: 'true', UNLIMITED_ADDRESSES: '127.0.0.64/26, ::1' };
    await using running = await startRelay({ env });
    using somebody = new Asker(running);
    expect(await somebody.link({}, '127.0.0.2')).toBe(101);
    expect(await somebody.link({}, '127.0.0.2')).toBe(429);
    for (let count = 0; count < 3; count += 1) expect(await somebody.link({}, '127.0.0.66')).toBe(101);
  });

  test('what an agent brings with a ticket is not counted among the requests of its address', async () => {
    const env = {
      LIMIT_PRIVATE_ADDRESSES: 'true',
      ADDRESS_SETUPS_BURST: '4',
      ADDRESS_SETUPS_PER_SECOND: '1',
      UNLIMITED_ADDRESSES: '127.0.0.66',
    };
    await using running = await startRelay({ env });
    using somebody = new Asker(running);
    await using agent = new EchoAgent({ id: 'job', linkPort: running.port });
    await agent.linked();
    for (let count = 0; count < 20; count += 1) {
      const text = handshakeText('/client/job', { 'Sec-WebSocket-Protocol': STREAM });
      expect((await somebody.ask(text, '127.0.0.66')).status).toBe(101);
    }
  });
});

describe('a pod that is full', () => {
  test('of links and of clients that wait: 503 for whoever comes, and those who are there notice nothing', async () => {
    await using running = await startRelay({ env: { MAX_LINKS: '1', MAX_WAITING: '1' } });
    using somebody = new Asker(running);
    await using agent = new EchoAgent({ id: 'job', linkPort: running.port });
    await agent.linked();
    using session = await openPlainSession(running.port, 'job');
    expect(await somebody.ask(linkText())).toMatchObject({
      status: 503,
      code: 'overloaded',
      retryAfter: '5',
    });
    using waiting = await openRaw(running.port, handshakeText('/client/nobody?wait=120'));
    await until(
      'it waits',
      async () => (await running.metric('converge_limit_used{limit="pod_waiting"}')) === 1,
    );
    expect(await somebody.ask(handshakeText('/client/job'))).toMatchObject({
      status: 503,
      code: 'overloaded',
    });
    expect(waiting.received()).toBe('');
    await session.exchange(100_000);
    expect(await running.metric('converge_limit_hits_total{limit="pod_links"}')).toBe(1);
    expect(await running.metric('converge_limit_hits_total{limit="pod_waiting"}')).toBe(1);
    expect(await running.metric('converge_limit_max{limit="pod_links"}')).toBe(1);
    waiting.socket.destroy();
    await until('the place is free', async () => {
      return (await somebody.ask(handshakeText('/client/nobody'))).status === 404;
    });
  });

  test('of memory: new links, sessions and downloads are refused before old ones suffer, until there is some', async () => {
    let used = 0;
    const memory: ProcessMemory = {
      resident: () => used,
      residentLimit: 1_000,
      heap: () => 0,
      heapLimit: 1_000,
    };
    const clock = new ManualClock();
    await using running = await startRelay({ memory, clock });
    using somebody = new Asker(running);
    await using agent = new EchoAgent({ id: 'job', linkPort: running.port });
    await agent.linked();
    using session = await openPlainSession(running.port, 'job');
    used = 850;
    clock.advance(READ_MEMORY_EVERY_MS);
    const client = handshakeText('/client/job', { 'Sec-WebSocket-Protocol': STREAM });
    const download = 'GET /docs/agent HTTP/1.1\r\nHost: relay.test\r\nConnection: close\r\n\r\n';
    for (const text of [linkText(), client, download]) {
      const answer = await somebody.ask(text);
      expect(answer).toMatchObject({ status: 503, code: 'overloaded', retryAfter: '5' });
      expect(answer.message).toContain('short of memory (MAX_MEMORY_PERCENT)');
    }
    await session.exchange(100_000);
    expect(agent.losses).toEqual([]);
    expect((await fetch(`http://127.0.0.1:${running.internalPort}/healthz`)).status).toBe(200);
    expect(await running.metric('converge_limit_hits_total{limit="pod_memory"}')).toBe(3);
    expect(await running.metric('converge_limit_max{limit="pod_memory"}')).toBe(850);
    used = 849;
    clock.advance(READ_MEMORY_EVERY_MS);
    expect((await somebody.ask(client)).status).toBe(101);
  });
});

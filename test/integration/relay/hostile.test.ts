// Peers that do not keep to HTTP, or to its pace: each is cut within its deadline, and the relay goes on.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { LINGER_AFTER_REFUSAL_MS } from '../../../services/relay/http/listener/upgrade.ts';
import { openAgent, openAgentStream, socketOf } from '../../support/relay/fake-agent.ts';
import {
  handshakeText,
  openClient,
  openRaw,
  type RunningRelay,
  startRelay,
} from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { settle, until } from '../../support/time/poll.ts';

/** Checks that one malformed request was counted and logged. */
async function expectMalformed({ metric, log }: RunningRelay, reason: string): Promise<void> {
  await until(
    'it is counted',
    async () => (await metric(`converge_malformed_requests_total{reason="${reason}"}`)) === 1,
  );
  expect(log.filter(({ msg }) => msg === 'malformed request')).toEqual([expect.objectContaining({ reason })]);
}

async function expectHealthy({ port }: RunningRelay): Promise<void> {
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
}

test('a handshake behind a request that is still being answered is cut, and the relay lives', async () => {
  const running = await openRelay();
  using peer = await openRaw(running.port, `GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshakeText('/client/x')}`);
  await peer.closed;
  await expectMalformed(running, 'pipelined');
  await expectHealthy(running);
});

test('a handshake behind a request that was answered is served', async () => {
  const running = await openRelay();
  using peer = await openRaw(running.port, 'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n');
  await until('the first answer', () => peer.received().includes('not_found'));
  peer.socket.write(handshakeText('/client/x'));
  expect(await peer.closed).toContain('agent_not_found');
});

test('what is no HTTP is answered with 400', async () => {
  const running = await openRelay();
  using peer = await openRaw(running.port, 'SSH-2.0-OpenSSH_9.2\r\n');
  expect(await peer.closed).toMatch(/^HTTP\/1\.1 400 /);
  await expectMalformed(running, 'not_http');
  await expectHealthy(running);
});

test('headers without end are answered with 431', async () => {
  const running = await openRelay();
  using peer = await openRaw(running.port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(64 * 1024)}`);
  expect(await peer.closed).toMatch(/^HTTP\/1\.1 431 /);
  await expectMalformed(running, 'too_large');
});

test('a download is complete also when the request offers a WebSocket', async () => {
  const downloads = await mkdtemp(join(tmpdir(), 'relay-downloads-'));
  onTestFinished(() => rm(downloads, { recursive: true }));
  const size = 8 * 1024 * 1024;
  await writeFile(join(downloads, 'agent-linux-x64'), Buffer.alloc(size, 'x'));
  await writeFile(join(downloads, 'SHA256SUMS'), `${'0'.repeat(64)}  agent-linux-x64\n`);
  const running = await openRelay({ downloads });
  using peer = await openRaw(running.port, handshakeText('/docs/agent', { Connection: 'Upgrade, close' }));
  const answer = await peer.closed;
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer.length).toBeGreaterThan(size);
});

test('a peer that is refused and keeps talking is cut after the linger time', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using peer = await openRaw(running.port, handshakeText('/client/nobody'));
  peer.socket.removeAllListeners('end');
  await until('the refusal', () => peer.received().includes('agent_not_found'));
  let isCut = false;
  void peer.closed.then(() => {
    isCut = true;
  });
  // The linger time starts when the refusal has left, so the clock may have to go a step further.
  await until('it is cut', async () => {
    clock.advance(LINGER_AFTER_REFUSAL_MS / 10);
    peer.socket.write('and another thing');
    await settle();
    return isCut;
  });
});

test('a peer that resets its connection at any point of the handshake harms nobody', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  for (const path of ['/client/job', '/client/nobody?wait=5', '/agent/x', '/']) {
    for (const wait of [false, true]) {
      const peer = await openRaw(
        running.port,
        handshakeText(path, { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() }),
      );
      if (wait) await settle();
      peer.socket.resetAndDestroy();
      await once(peer.socket, 'close');
    }
  }
  await until('nobody waits', async () => (await running.metric('converge_pending_dials')) === 0);
  await expectHealthy(running);
  expect(agent.socket.readyState).toBe(agent.socket.OPEN);
});

test('an agent stream that comes when its client has just left is closed', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  for (let round = 0; round < 10; round += 1) {
    const peer = await openRaw(running.port, handshakeText('/client/job'));
    const { ticket } = await agent.dial(round);
    const opening = openAgentStream(running.port, 'job', ticket);
    peer.socket.resetAndDestroy();
    const outcome = await opening;
    if (outcome.kind !== 'open') continue;
    outcome.socket.on('error', () => undefined);
    outcome.socket.resume();
    await until('the stream is closed', () => outcome.socket.readyState === outcome.socket.CLOSED);
  }
  await until('no session is left', async () => (await running.metric('converge_sessions')) === 0);
});

describe('half-open peers, by the clock on the wall', () => {
  test.concurrent.each([
    ['sends nothing', ''],
    ['sends half a request', 'GET /client/x HTTP/1.1\r\nHost: x\r\n'],
  ])('a peer that %s is told 408 and cut', async (_, text) => {
    await using running = await startRelay();
    using peer = await openRaw(running.port, text);
    expect(await peer.closed).toMatch(/^HTTP\/1\.1 408 /);
    await expectMalformed(running, 'timeout');
  });

  test.concurrent('an agent that says goodbye on its link and keeps the connection is cut', async () => {
    await using running = await startRelay();
    const headers = { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() };
    using peer = await openRaw(running.port, handshakeText('/agent/x', headers));
    peer.socket.removeAllListeners('end');
    await until('it is linked', async () => (await running.metric('converge_agents')) === 1);
    peer.socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    await until('it is unlinked', async () => (await running.metric('converge_agents')) === 0, 30_000);
  });
});

test('one client that does not read holds up nobody else', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  const open = async (index: number) => {
    const asking = openClient(running.port, 'job');
    const { ticket } = await agent.dial(index);
    const stream = socketOf(await openAgentStream(running.port, 'job', ticket));
    return { client: socketOf(await asking), stream };
  };
  const stuck = await open(0);
  const chunk = Buffer.alloc(64 * 1024);
  let before = -1;
  await until('the relay takes no more', async () => {
    if (stuck.stream.bufferedAmount < chunk.length) stuck.stream.send(chunk);
    const { bufferedAmount } = stuck.stream;
    const isStill = bufferedAmount === before && bufferedAmount > 0;
    before = bufferedAmount;
    await settle();
    return isStill;
  });
  const other = await open(1);
  let received = 0;
  other.client.on('message', (data: Buffer) => {
    received += data.length;
  });
  other.client.resume();
  const size = 32 * 1024 * 1024;
  for (let sent = 0; sent < size; sent += chunk.length) other.stream.send(chunk);
  await until('all bytes of the other session', () => received === size);
  for (const socket of [stuck.client, stuck.stream, other.client, other.stream]) socket.terminate();
});

// Rules of docs/protocol.md, asked of a relay and an agent of this house byte by byte. Each test is named by what it cites.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { holdFolder } from '../../support/machine/held-folder.ts';
import { AGENT_PROGRAM, type AgentProcess, startAgentProcess } from '../../support/process/agent-program.ts';
import { type RunningRelay, startRelay } from '../../support/relay/relay.ts';
import { until } from '../../support/time/poll.ts';

let folder: string;
let relay: RunningRelay;
let agent: AgentProcess;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-rules-'));
  // The agent outlives its clients.
  await holdFolder(folder);
  relay = await startRelay();
  agent = startAgentProcess(AGENT_PROGRAM, [`ws://127.0.0.1:${relay.port}/agent/job`], { cwd: folder });
  await until('the agent is linked', () => /wsproxy ssh /.test(agent.output()), 30_000);
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

afterAll(async () => {
  agent.child.kill('SIGKILL');
  await agent.ended;
  await relay[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A WebSocket to the relay: what came over it, and how it ended. */
class Peer {
  readonly socket: WebSocket;
  /** `refused STATUS CODE`, or `closed CODE WORD`. */
  end: string | undefined;
  readonly texts: string[] = [];
  bytes = Buffer.alloc(0);

  constructor(path: string, protocols: readonly string[], headers: Readonly<Record<string, string>> = {}) {
    const url = `ws://127.0.0.1:${relay.port}${path}`;
    this.socket = new WebSocket(url, [...protocols], { headers, perMessageDeflate: false });
    sockets.push(this.socket);
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.bytes = Buffer.concat([this.bytes, data]);
      else this.texts.push((JSON.parse(data.toString()) as { type: string }).type);
    });
    this.socket.on('close', (code, reason) => {
      this.end ??= `closed ${code} ${reason.toString()}`.trim();
    });
    this.socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => {
        const { code } = JSON.parse(body) as { code: string };
        this.end = `refused ${response.statusCode} ${code}`;
      });
    });
  }

  async opened(): Promise<this> {
    await until('it is open', () => {
      if (this.end !== undefined) throw new Error(this.end);
      return this.socket.readyState === WebSocket.OPEN;
    });
    return this;
  }

  ended(): Promise<string> {
    return until('it has ended', () => this.end);
  }

  /** Frames of the resumable stream so far, `TYPE PAYLOAD` in hexadecimal; DATA, which the agent sends on its own, aside. */
  frames(): string[] {
    const frames: string[] = [];
    for (let at = 0; at + 5 <= this.bytes.length; ) {
      const end = at + 5 + this.bytes.readUInt32BE(at + 1);
      if (end > this.bytes.length) break;
      const type = this.bytes.readUInt8(at);
      if (type !== DATA) frames.push(`${type} ${this.bytes.toString('hex', at + 5, end)}`);
      at = end;
    }
    return frames;
  }

  /** The next frame that came, so many being known. */
  frame(known = 0): Promise<string> {
    return until('a frame', () => this.frames()[known]);
  }
}

const client = (protocols: readonly string[] = RESUMING) => new Peer('/client/job', protocols).opened();
const RESUMING = ['converge.resume.v1', 'converge.stream.v1'];
const CONTROL = ['converge.agent.v1'];
const IGNORED = 'converge_control_messages_ignored_total';
const claimHeader = (): Record<string, string> => ({
  'converge-claim': randomBytes(32).toString('base64url'),
});

// ── sections 3 and 4 ──

test.each([
  [['converge.resume.v1', 'converge.stream.v1'], 'converge.resume.v1'],
  [['converge.stream.v1', 'converge.resume.v1'], 'converge.resume.v1'],
  [['converge.stream.v1'], 'converge.stream.v1'],
  [[], ''],
])('R-OPEN-3: on offer %j the relay chooses "%s"', async (offered, chosen) => {
  expect((await client(offered)).socket.protocol).toBe(chosen);
});

test.each([
  ['R-PATH-1', '400 invalid_id', '/client/a%20b', RESUMING, {}],
  ['R-PATH-1', '400 invalid_id', `/client/${'x'.repeat(129)}`, RESUMING, {}],
  ['R-PATH-2', '404 not_found', `/agent/job/stream/${'x'.repeat(1025)}`, RESUMING, {}],
  ['R-PATH-3', '404 agent_not_found', '/client/nobody?wait=x', RESUMING, {}],
  ['R-OPEN-5', '426 upgrade_required', '/agent/rules', ['converge.agent.v9'], claimHeader()],
  ['R-OPEN-6', '401 unauthorized', '/agent/rules', CONTROL, {}],
  ['R-OPEN-6', '401 unauthorized', '/agent/rules', CONTROL, { 'converge-claim': 'short' }],
  ['R-OPEN-7', '403 foreign_origin', '/client/job', RESUMING, { origin: 'https://elsewhere.example' }],
  ['R-LINK-10', '409 id_taken', '/agent/job', CONTROL, claimHeader()],
  ['R-DIAL-2', '401 unauthorized', '/agent/job/stream/unknown', ['converge.stream.v1'], claimHeader()],
] as const)('%s: refused with %s', async (_rule, refusal, path, protocols, headers) => {
  expect(await new Peer(path, protocols, headers).ended()).toBe(`refused ${refusal}`);
});

// ── section 5 ──

test('R-STREAM-2: text and a frame of over 1 MiB are closed', async () => {
  const [talker, shouter] = [await client(), await client()];
  talker.socket.send('text');
  shouter.socket.send(Buffer.alloc(1024 * 1024 + 1));
  expect(await talker.ended()).toBe('closed 1003 text_on_stream');
  expect(await shouter.ended()).toBe('closed 1009 too_big');
});

// ── section 7 ──

async function linked(id: string, headers = claimHeader()): Promise<Peer> {
  const link = await new Peer(`/agent/${id}`, CONTROL, headers).opened();
  await until('its welcome', () => link.texts.includes('welcome'));
  return link;
}

test.each([
  ['R-LINK-3', 'what is no JSON', 'news', 'closed 1003 not_json'],
  ['R-LINK-3', 'what is no object', '[]', 'closed 1003 not_json'],
  ['R-LINK-3', 'an object without a type', '{}', 'closed 1003 not_json'],
  ['R-LINK-3', 'a type without its fields', '{"type":"status","clients":1}', 'closed 1003 not_json'],
  ['R-LINK-3', 'a binary message', Buffer.from('{"type":"news"}'), 'closed 1003 not_json'],
  ['R-LINK-4', 'a message over 4 KiB', `{"type":"${'x'.repeat(4_086)}"}`, 'closed 1009'],
])('%s: %s closes the link', async (_rule, what, message, end) => {
  const link = await linked(`rules-${what.replaceAll(' ', '-')}`);
  link.socket.send(message);
  expect(await link.ended()).toBe(end);
});

test.each([
  ['R-LINK-4', 'a whole 4 KiB', `{"type":"${'x'.repeat(4_085)}"}`],
  ['R-LINK-2', 'an unknown type', '{"type":"news"}'],
  ['R-LINK-2', 'an unknown outcome', '{"type":"resumption","outcome":"news","afterMs":1}'],
])('%s: %s is ignored, and counted', async (_rule, what, message) => {
  const link = await linked(`rules-${what.replaceAll(' ', '-')}`);
  const before = await relay.metric(IGNORED);
  link.socket.send(message);
  await until('it is counted', async () => (await relay.metric(IGNORED)) === before + 1);
  expect(link.end).toBeUndefined();
});

test('R-LINK-6: past its budget a link is closed', async () => {
  const link = await linked('rules-budget');
  for (let count = 0; count < 2_200; count += 1) link.socket.send('{"type":"news"}');
  expect(await link.ended()).toBe('closed 1008 over_budget');
});

test('R-LINK-9, -10: the same claim moves the ID, and after 1000 another one may have it', async () => {
  const headers = claimHeader();
  const first = await linked('rules-claim', headers);
  const second = await linked('rules-claim', headers);
  expect(await first.ended()).toBe('closed 4409 superseded');
  second.socket.close(1000);
  await second.ended();
  const another = await linked('rules-claim');
  another.socket.close(1001);
  await another.ended();
  const late = new Peer('/agent/rules-claim', CONTROL, claimHeader());
  expect(await late.ended()).toBe('refused 409 id_taken');
});

// ── section 10, with the agent ──

const [OPENED, REFUSED, DATA, ACK, FIN, RESET] = [2, 3, 4, 5, 6, 7] as const;

const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

function frame(type: number, payload: Buffer, length = payload.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, payload]);
}

interface Open {
  readonly magic?: string;
  readonly version?: number;
  readonly id?: Buffer;
  readonly mode?: number;
  readonly received?: number;
  readonly more?: number;
}

function open({
  magic = 'CVRS',
  version = 2,
  id = randomBytes(16),
  mode = 0,
  received = 0,
  more = 0,
}: Open = {}) {
  const [head, tail] = [Buffer.from(magic), Buffer.from([version])];
  return frame(1, Buffer.concat([head, tail, id, Buffer.from([mode]), u64(received), Buffer.alloc(more)]));
}

const NOTHING_YET = '0000000000000000';

test.each([
  ['R-FRAME-3', 'of version 2', open(), `${OPENED} ${NOTHING_YET}00000078`],
  ['R-FRAME-3', 'with more behind it', open({ more: 34 }), `${OPENED} ${NOTHING_YET}00000078`],
  ['R-RESUME-10', 'of version 1', open({ version: 1 }), `${OPENED} ${NOTHING_YET}`],
  ['R-FRAME-4', 'of version 9', open({ version: 9 }), `${REFUSED} 0004`],
  ['R-FRAME-4', 'with another magic', open({ magic: 'SSH-' }), `${REFUSED} 0007`],
  ['R-FRAME-3', 'of 65 bytes', open({ more: 35 }), `${REFUSED} 0007`],
  ['R-FRAME-2', 'over 65,536 bytes', frame(1, Buffer.alloc(0), 65_537), `${REFUSED} 0008`],
  ['R-FRAME-1', 'with 2^53', open({ mode: 1, received: 2 ** 53 }), `${REFUSED} 0007`],
  ['R-RESUME-4', 'that is new and has received', open({ received: 5 }), `${REFUSED} 0003`],
  ['R-RESUME-8', 'of what nobody knows', open({ mode: 1 }), `${REFUSED} 0001`],
])('%s: an OPEN %s', async (_rule, _what, bytes, answer) => {
  const peer = await client();
  peer.socket.send(bytes);
  expect(await peer.frame()).toBe(answer);
  if (answer.startsWith(`${REFUSED}`)) expect(await peer.ended()).toBe('closed 1000 ended');
});

async function carried(id = randomBytes(16)): Promise<Peer> {
  const peer = await client();
  peer.socket.send(open({ id }));
  await peer.frame();
  return peer;
}

test.each([
  ['R-RESUME-11', 'DATA with a gap', frame(DATA, Buffer.concat([u64(1), Buffer.from('x')])), '0003'],
  ['R-FRAME-2', 'DATA without a byte', frame(DATA, u64(0)), '0007'],
  ['R-FRAME-2', 'DATA of 65,537 bytes', frame(DATA, Buffer.alloc(65_537)), '0008'],
  ['R-FRAME-2', 'a type that there is not', Buffer.from([8]), '0007'],
  ['R-FRAME-1', 'an offset of 2^53', frame(FIN, u64(2 ** 53)), '0007'],
  ['R-RESUME-14', 'an ACK of what was never sent', frame(ACK, u64(1_000_000)), '000a'],
  ['R-RESUME-12', 'a FIN with a gap', frame(FIN, u64(1)), '0003'],
  ['R-RESUME-16', 'a second OPEN', open(), '0007'],
  ['R-RESUME-16', 'an OPENED', frame(OPENED, u64(0)), '0007'],
])('%s: %s is answered with RESET', async (_rule, _what, bytes, code) => {
  const peer = await carried();
  peer.socket.send(bytes);
  expect(await peer.frame(1)).toBe(`${RESET} ${code}`);
  // R-STREAM-7: what the agent says to the relay (1011 fault) is about its own leg.
  expect(await peer.ended()).toBe('closed 1001 going_away');
});

test('R-RESUME-5, -9: OPEN(new) may be repeated until the agent has heard more, and the newer transport stays', async () => {
  const id = randomBytes(16);
  const first = await carried(id);
  const second = await carried(id);
  expect(await first.ended()).toBe('closed 4409 superseded');
  expect(second.frames()[0]).toBe(`${OPENED} ${NOTHING_YET}00000078`);
  second.socket.send(frame(DATA, Buffer.concat([u64(0), Buffer.from('SSH-2.0-rules\r\n')])));
  expect(await second.frame(1)).toBe(`${ACK} 000000000000000f`);
  const third = await carried(id);
  expect(third.frames()).toEqual([`${REFUSED} 0002`]);
  expect(second.end).toBeUndefined();
});

test('R-RESUME-6, -7: on resume the agent says what it has, acknowledges it, and sends what the client lacks', async () => {
  const id = randomBytes(16);
  const first = await carried(id);
  first.socket.send(frame(DATA, Buffer.concat([u64(0), Buffer.from('SSH-2.0-rules\r\n')])));
  await first.frame(1);
  await until('its banner', () => first.bytes.includes('SSH-2.0-'));
  const banner = first.bytes.indexOf('SSH-2.0-');
  const sent = first.bytes.subarray(banner, first.bytes.indexOf('\n', banner) + 1).toString();
  first.socket.terminate();
  const second = await client();
  second.socket.send(open({ id, mode: 1, received: 4 }));
  expect(await second.frame()).toBe(`${OPENED} 000000000000000f00000078`);
  expect(await second.frame(1)).toBe(`${ACK} 000000000000000f`);
  const rest = sent.slice(4);
  await until('the rest', () => second.bytes.includes(Buffer.concat([u64(4), Buffer.from(rest)])));
  const third = await client();
  third.socket.send(open({ id, mode: 1, received: 10_000_000 }));
  expect(await third.frame()).toBe(`${REFUSED} 0003`);
  expect(second.end).toBeUndefined();
});

test('R-RESUME-12, -17, -18: FIN is answered with FIN and an ACK of it, and the last ACK with 1000', async () => {
  const peer = await carried();
  peer.socket.send(frame(FIN, u64(0)));
  const isFin = (text: string) => text.startsWith(`${FIN} `);
  const fin = await until('its FIN', () => peer.frames().find(isFin));
  await until('the ACK of ours', () => peer.frames().includes(`${ACK} 0000000000000001`));
  peer.socket.send(frame(ACK, u64(Number.parseInt(fin.slice(2), 16) + 1)));
  expect(await peer.ended()).toBe('closed 1000 ended');
});

test('R-RESUME-19: RESET ends it at once', async () => {
  const id = randomBytes(16);
  const peer = await carried(id);
  peer.socket.send(frame(RESET, Buffer.from([0, 11])));
  await peer.ended();
  const again = await client();
  again.socket.send(open({ id, mode: 1 }));
  expect(await again.frame()).toBe(`${REFUSED} 0001`);
});

test('R-RESUME-2: a plain client is served whether it speaks first or waits for the banner', async () => {
  const [speaker, waiter] = [await client([]), await client(['converge.stream.v1'])];
  speaker.socket.send(Buffer.from('SSH-2.0-rules\r\n'));
  for (const peer of [speaker, waiter]) {
    await until('the banner', () => peer.bytes.subarray(0, 8).toString() === 'SSH-2.0-');
  }
});

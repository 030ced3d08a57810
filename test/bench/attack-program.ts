// An attacker of the bench, in a process of its own and from an address of its own: `… ATTACK PORT AGENT-ID COUNT`.
//
// It says READY once all of its connections were tried, and goes on until it is killed: what is cut comes again.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { parseRelayMessage } from '#shared/protocol/control-messages.ts';
import { agentPath, agentStreamPath, clientPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import { maskFrame, OPCODES } from '#shared/websocket/frame-header.ts';

const FROM = '127.0.0.2';
const CHUNK_BYTES = 64 * 1024;
/** This many connections are opened at a time. */
const AT_A_TIME = 50;
/** Before a connection that was cut comes again, in milliseconds. */
const PAUSE_MS = 500;
/** A connection that is not answered is as good as one that is. */
const ANSWER_WITHIN_MS = 5_000;

const [attack = '', portText = '', agentId = '', countText = ''] = process.argv.slice(2);
const port = Number(portText);

function request(start: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ Host: 'bench', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return [`${start} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

function handshake(path: string, headers: Readonly<Record<string, string>>): string {
  const key = randomBytes(16).toString('base64');
  const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
  return request(`GET ${path}`, { ...upgrade, 'Sec-WebSocket-Key': key, ...headers });
}

/** Connects and sends `text`; reads nothing. */
function open(text: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: FROM });
  socket.on('error', () => undefined);
  socket.write(text);
  return socket;
}

/** Resolves with the head of the answer; what follows it is read and dropped until somebody pauses. */
function answerOf(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    if (text.length < CHUNK_BYTES) text += chunk.toString('latin1');
    if (text.includes('\r\n\r\n')) resolve(text);
  });
  socket.once('close', () => resolve(text));
  setTimeout(() => resolve(text), ANSWER_WITHIN_MS).unref();
  return promise;
}

/** Writes `unit` again and again, as fast as it is taken. */
function pour(socket: Socket, unit: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(unit));
  };
  socket.on('drain', more);
  more();
}

async function openLink(id: string): Promise<Socket> {
  const headers = { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() };
  const socket = open(handshake(agentPath(id), headers));
  await answerOf(socket);
  return socket;
}

let links = 0;

/** Opens one connection of the attack. */
type Opening = () => Promise<Socket>;

async function flood(): Promise<Socket> {
  links += 1;
  const socket = await openLink(`flood-${links}`);
  const message = maskFrame(OPCODES.text, Buffer.from('{"type":"x"}'));
  pour(socket, Buffer.concat(Array.from({ length: CHUNK_BYTES / message.length }, () => message)));
  return socket;
}

/** With 64 KiB of what it wants to say once somebody is there. */
async function wait(): Promise<Socket> {
  const socket = open(handshake(`${clientPath('nobody')}?wait=120`, { 'Sec-WebSocket-Protocol': STREAM }));
  socket.write(Buffer.alloc(CHUNK_BYTES));
  return Promise.resolve(socket);
}

/** A client that never reads, of an agent that sends for ever. */
async function neverRead(): Promise<Socket> {
  const socket = open(handshake(clientPath('pouring'), { 'Sec-WebSocket-Protocol': STREAM }));
  return Promise.resolve(socket);
}

/** The agent that sends for ever. */
async function startPouring(): Promise<void> {
  const link = await openLink('pouring');
  const unit = maskFrame(OPCODES.binary, randomBytes(CHUNK_BYTES));
  link.on('data', (chunk: Buffer) => {
    for (const [text] of chunk.toString('latin1').matchAll(/\{"type":"dial"[^}]*\}/g)) {
      const received = parseRelayMessage(text);
      if (received.kind !== 'message' || received.message.type !== 'dial') continue;
      const path = agentStreamPath('pouring', received.message.ticket);
      const stream = open(handshake(path, { 'Sec-WebSocket-Protocol': STREAM }));
      void answerOf(stream).then(() => pour(stream, unit));
    }
  });
}

async function download(): Promise<Socket> {
  return Promise.resolve(open(request('GET /docs/agent')));
}

async function badRequests(): Promise<Socket> {
  const socket = open('GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n');
  await answerOf(socket);
  socket.destroy();
  return socket;
}

async function silentLogin(): Promise<Socket> {
  const socket = open(handshake(clientPath(agentId), { 'Sec-WebSocket-Protocol': STREAM }));
  await answerOf(socket);
  socket.write(maskFrame(OPCODES.binary, Buffer.from('SSH-2.0-silent\r\n')));
  return socket;
}

const OPENINGS: Readonly<Record<string, { readonly open: Opening; readonly pauseMs: number }>> = {
  link_floods: { open: flood, pauseMs: PAUSE_MS },
  waiting_clients: { open: wait, pauseMs: PAUSE_MS },
  never_reading: { open: neverRead, pauseMs: PAUSE_MS },
  stopped_downloads: { open: download, pauseMs: PAUSE_MS },
  bad_requests: { open: badRequests, pauseMs: 0 },
  silent_logins: { open: silentLogin, pauseMs: PAUSE_MS },
};

const chosen = OPENINGS[attack];
if (chosen === undefined) throw new Error(`no attack ${attack}`);
if (attack === 'never_reading') await startPouring();

/** One connection after the other, for ever. */
async function keepAtIt({ open, pauseMs }: typeof chosen & {}, opened: () => void): Promise<never> {
  for (;;) {
    const socket = await open();
    opened();
    if (!socket.closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.once('close', resolve);
      await promise;
    }
    await sleep(pauseMs);
  }
}

const count = Number(countText);
let tried = 0;
for (let index = 0; index < count; index += 1) {
  void keepAtIt(chosen, () => {
    tried += 1;
    if (tried === count) console.log('READY');
  });
  if (index % AT_A_TIME === AT_A_TIME - 1) await sleep(PAUSE_MS / 10);
}

// The wire of an attacker: raw connections from addresses of its own, which say what they are told and leave.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { AGENT_ID } from './world.ts';

/** What has not been answered by then is left, in milliseconds: many requests may wait for as long as they like. */
const PATIENCE_MS = 1_000;

let strangers = 0;

/** Each is somebody else: limits per address are not what is looked for here. */
export function strangerAddress(): string {
  strangers += 1;
  return `127.${16 + ((strangers >> 16) & 0x0f)}.${(strangers >> 8) & 0xff}.${1 + (strangers % 250)}`;
}

/** The header by which the proxy that the relay trusts says the same. */
export function asStranger(): Readonly<Record<string, string>> {
  return { 'X-Forwarded-For': strangerAddress() };
}

/** Connects. Errors count as an end. */
export function connectStranger(port: number): Socket {
  // The whole of 127/8 is this machine on Linux alone.
  const from = process.platform === 'linux' ? { localAddress: strangerAddress() } : {};
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...from });
  socket.on('error', () => undefined);
  return socket;
}

/** Half-closes, then waits for the peer to close, with a time limit. */
export async function leave(socket: Socket): Promise<void> {
  socket.resume();
  socket.end();
  if (socket.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', resolve);
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  await promise;
  clearTimeout(timer);
}

/** Opens a WebSocket and gives its connection, paused; undefined if it was refused. */
export async function upgrade(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Socket | undefined> {
  const socket = connectStranger(port);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let answer = '';
  const hear = (chunk: Buffer): void => {
    answer += chunk.toString('latin1');
    if (answer.includes('\r\n\r\n')) resolve(answer.startsWith('HTTP/1.1 101 '));
  };
  socket.on('data', hear);
  socket.once('close', () => resolve(false));
  socket.write(handshake(path, headers));
  const isOpen = await promise;
  socket.off('data', hear);
  if (isOpen) return socket.pause();
  await leave(socket);
  return undefined;
}

export function handshake(path: string, headers: Readonly<Record<string, string>>): string {
  return request(`GET ${path}`, {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  });
}

/** An HTTP request; `start` is its method and target. */
export function request(
  start: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = '',
): string {
  const lines = Object.entries({ Host: AGENT_ID, ...headers }).map(([name, value]) => `${name}: ${value}`);
  return `${[`${start} HTTP/1.1`, ...lines, '', ''].join('\r\n')}${body.toString('latin1')}`;
}

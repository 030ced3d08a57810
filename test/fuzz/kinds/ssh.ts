// SSH packets to the agent, through the relay: before the login, after it, and those of SFTP.
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { clientPath } from '#shared/protocol/paths.ts';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import { maskFrame, OPCODES } from '#shared/websocket/frame-header.ts';
import { openClientStream } from '../../support/relay/relay.ts';
import { connectRawSsh, type RawSsh } from '../../support/ssh/raw-ssh.ts';
import { IDENTIFICATION, kexinitPayload, sshPacket, sshString } from '../../support/ssh/ssh-handshake.ts';
import { channelRequest, message, openSession } from '../../support/ssh/ssh-messages.ts';
import type { Attacker, Kind } from '../kind.ts';
import { mutated } from '../mutation.ts';
import { asStranger, leave, upgrade } from '../wire.ts';
import { AGENT_ID, type FuzzWorld } from '../world.ts';
import { sftpCorpus } from './sftp-corpus.ts';

/** Messages between two questions that tell whether the connection is still served. */
const MESSAGES_PER_QUESTION = 6;
const QUESTIONS_PER_CONNECTION = 12;
/** A connection that says nothing for this long, because a mutated message made it wait, is left. */
const ANSWER_WITHIN_MS = 1_000;

/** After a login, answered with 82 by everybody. */
const QUESTION = message(80, 'keepalive@openssh.com', true);
const ANSWER = 82;

const SFTP_WINDOW = 2 ** 31;
/** Packets of SFTP in one message of SSH. */
const PACKETS_PER_MESSAGE = 8;

function identificationAndKeys(): readonly Buffer[] {
  const kexinit = sshPacket(kexinitPayload({ methods: 'curve25519-sha256,kex-strict-c-v00@openssh.com' }));
  const exchange = sshPacket(Buffer.concat([Buffer.from([30]), sshString(randomBytes(32))]));
  return [
    IDENTIFICATION,
    Buffer.concat([IDENTIFICATION, kexinit]),
    Buffer.concat([IDENTIFICATION, kexinit, exchange]),
    Buffer.concat([IDENTIFICATION, kexinit, exchange, sshPacket(Buffer.from([21]))]),
    Buffer.concat([IDENTIFICATION, sshPacket(message(2, 'ignored')), sshPacket(message(1, 11, 'bye', 'en'))]),
  ];
}

function loginCorpus(): readonly Buffer[] {
  const key = Buffer.concat([sshString('ssh-ed25519'), sshString(randomBytes(32))]);
  const signature = Buffer.concat([sshString('ssh-ed25519'), sshString(randomBytes(64))]);
  const rsa = Buffer.concat([
    sshString('ssh-rsa'),
    sshString(Buffer.from([1, 0, 1])),
    sshString(randomBytes(256)),
  ]);
  const ask = (method: string, ...fields: (string | boolean | Buffer)[]): Buffer =>
    message(50, 'abc', 'ssh-connection', method, ...fields);
  return [
    message(5, 'ssh-userauth'),
    ask('none'),
    ask('publickey', false, 'ssh-ed25519', key),
    ask('publickey', true, 'ssh-ed25519', key, signature),
    ask('publickey', false, 'rsa-sha2-512', rsa),
    ask('publickey', true, 'rsa-sha2-256', rsa, signature),
    ask('password', false, 'secret'),
    ask('password', true, 'secret', 'other'),
    ask('keyboard-interactive', '', ''),
    message(61, 1, 'answer'),
    ask('hostbased', 'ssh-ed25519', key, 'host', 'user', signature),
    message(7, 1, 'server-sig-algs', 'ssh-ed25519'),
    message(2, 'x'),
    message(4, true, 'debug', ''),
    message(3, 7),
    QUESTION,
    openSession(0),
  ];
}

function sessionCorpus(): readonly Buffer[] {
  const modes = Buffer.from('3500000001030000007f00', 'hex');
  return [
    openSession(7),
    openSession(8, 0, 1),
    channelRequest(0, 'env', true, 'LANG', 'C.UTF-8'),
    channelRequest(0, 'pty-req', true, 'xterm', 80, 24, 640, 480, modes),
    channelRequest(0, 'exec', true, 'true'),
    channelRequest(0, 'exec', true, 'cat'),
    channelRequest(0, 'subsystem', true, 'sftp'),
    channelRequest(0, 'subsystem', true, 'no-such'),
    channelRequest(0, 'window-change', false, 100, 30, 0, 0),
    channelRequest(0, 'signal', false, 'TERM'),
    channelRequest(0, 'auth-agent-req@openssh.com', true),
    channelRequest(0, 'xon-xoff', false, Buffer.from([1])),
    channelRequest(0, 'eow@openssh.com', false),
    message(93, 0, 1 << 20),
    message(94, 0, 'some data'),
    message(95, 0, 1, 'some data'),
    message(96, 0),
    message(97, 0),
    message(90, 'direct-tcpip', 9, 1 << 20, 1 << 15, '127.0.0.1', 1, '127.0.0.1', 2),
    message(90, 'direct-streamlocal@openssh.com', 9, 1 << 20, 1 << 15, 'socket', '', 0),
    message(80, 'tcpip-forward', true, '127.0.0.1', 0),
    message(80, 'cancel-tcpip-forward', true, '127.0.0.1', 1),
    message(80, 'streamlocal-forward@openssh.com', true, 'socket'),
    message(80, 'hostkeys-prove-00@openssh.com', true, 'key'),
    message(80, 'no-more-sessions@openssh.com', false),
    message(81),
    message(82),
    message(91, 0, 0, 1 << 20, 1 << 15),
    message(92, 0, 1, 'no', 'en'),
    message(99, 0),
    message(100, 0),
    kexinitPayload(),
    QUESTION,
  ];
}

interface Connection {
  readonly ssh: RawSsh;
  readonly stream: Duplex;
}

/** Logs in, or stops before that; undefined if it was not let in. */
async function connect(
  { port, keyFile }: FuzzWorld,
  until: 'handshake' | 'login',
): Promise<Connection | undefined> {
  const outcome = await openClientStream(port, AGENT_ID, { protocols: [STREAM], headers: asStranger() });
  if (outcome.kind !== 'open') return undefined;
  const stream = duplexOf(outcome.stream);
  stream.on('error', () => undefined);
  try {
    return { ssh: await connectRawSsh({ stream, user: 'abc', keyFile, until }), stream };
  } catch {
    stream.destroy();
    return undefined;
  }
}

/** Says what is left to say, and waits until the agent has had it. */
async function hangUp({ ssh, stream }: Connection): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ANSWER_WITHIN_MS);
  stream.once('close', resolve);
  if (stream.closed) resolve();
  stream.end();
  await promise;
  clearTimeout(timer);
  ssh.end();
  stream.destroy();
}

/** False if the connection has ended, or waits. */
async function isServed({ ssh }: Connection): Promise<boolean> {
  ssh.send(QUESTION);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ANSWER_WITHIN_MS);
  void ssh.receive(ANSWER).then(
    () => resolve(!ssh.isClosed),
    () => resolve(false),
  );
  const answer = await promise;
  clearTimeout(timer);
  return answer;
}

/** An attacker that does something with each connection, and hangs up. */
function withConnections(
  world: FuzzWorld,
  until: 'handshake' | 'login',
  talk: (connection: Connection, cases: Parameters<Attacker['play']>[0]) => Promise<void>,
): Promise<Attacker> {
  return Promise.resolve({
    async play(cases) {
      const connection = await connect(world, until);
      if (connection === undefined) return;
      await talk(connection, cases);
      await hangUp(connection);
    },
    [Symbol.asyncDispose]: () => emptyFolder(world.job),
  });
}

async function emptyFolder(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name !== '.hold' && !name.startsWith('converge-'));
  await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

export const sshHandshakes: Kind = {
  name: 'ssh-handshakes',
  share: 20_000,
  atATime: 8,
  open({ port }) {
    const corpus = identificationAndKeys();
    return Promise.resolve({
      async play(cases) {
        const headers = { 'Sec-WebSocket-Protocol': STREAM, ...asStranger() };
        const socket = await upgrade(port, clientPath(AGENT_ID), headers);
        const bytes = socket && cases.next((chance) => mutated(corpus, chance));
        if (socket === undefined || bytes === undefined) return;
        socket.write(maskFrame(OPCODES.binary, bytes));
        socket.write(maskFrame(OPCODES.close, Buffer.alloc(0)));
        await leave(socket);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

export const sshLogins: Kind = {
  name: 'ssh-logins',
  share: 30_000,
  atATime: 4,
  open(world) {
    const corpus = loginCorpus();
    return withConnections(world, 'handshake', async ({ ssh }, cases) => {
      // Without it, all that follows is out of place.
      ssh.send(message(5, 'ssh-userauth'));
      for (let left = MESSAGES_PER_QUESTION; left > 0 && !ssh.isClosed; left -= 1) {
        const bytes = cases.next((chance) => mutated(corpus, chance));
        if (bytes !== undefined && bytes.length > 0) ssh.send(bytes);
      }
      return Promise.resolve();
    });
  },
};

export const sshSessions: Kind = {
  name: 'ssh-sessions',
  share: 60_000,
  atATime: 6,
  open(world) {
    const corpus = sessionCorpus();
    return withConnections(world, 'login', async (connection, cases) => {
      for (let round = QUESTIONS_PER_CONNECTION; round > 0; round -= 1) {
        for (let left = MESSAGES_PER_QUESTION; left > 0; left -= 1) {
          const bytes = cases.next((chance) => mutated(corpus, chance));
          if (bytes !== undefined && bytes.length > 0) connection.ssh.send(bytes);
        }
        if (!(await isServed(connection))) return;
      }
    });
  },
};

export const sftpPackets: Kind = {
  name: 'sftp-packets',
  share: 140_000,
  atATime: 4,
  open(world) {
    const corpus = sftpCorpus();
    return withConnections(world, 'login', async (connection, cases) => {
      const { ssh } = connection;
      ssh.send(openSession(7, SFTP_WINDOW), channelRequest(0, 'subsystem', false, 'sftp'));
      ssh.send(message(94, 0, Buffer.from('000000050100000003', 'hex')));
      for (let round = QUESTIONS_PER_CONNECTION; round > 0; round -= 1) {
        for (let left = PACKETS_PER_MESSAGE; left > 0; left -= 1) {
          // With a length that fits: one that does not is the last that is understood.
          const bytes = cases.next((chance) =>
            chance.oneIn(64) ? mutated(corpus, chance) : sshString(mutated(corpus, chance).subarray(4)),
          );
          if (bytes !== undefined && bytes.length > 0) ssh.send(message(94, 0, bytes.subarray(0, 32_000)));
        }
        if (!(await isServed(connection))) return;
      }
      ssh.send(message(96, 0), message(97, 0));
    });
  },
};

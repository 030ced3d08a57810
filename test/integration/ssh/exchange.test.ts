// Key exchanges that begin with a guess, right or wrong, and those that never end.
import { once } from 'node:events';
import type { Algorithms } from 'ssh2';
import { afterEach, expect, test } from 'vitest';
import { EXCHANGE_GRACE_MS } from '../../../services/agent/ssh/key-exchange.ts';
import { connectRawSsh } from '../../support/ssh/raw-ssh.ts';
import { kexinitPayload, sshString } from '../../support/ssh/ssh-handshake.ts';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { dialSsh2 } from '../../support/ssh/ssh2-client.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

const KEXINIT = 20;
const WRONG_GUESS = Buffer.concat([Buffer.from([30]), sshString(Buffer.alloc(65, 4))]);
/** Where the payload of a packet begins. */
const HEAD_BYTES = 5;
/** first_kex_packet_follows, and a reserved uint32. */
const TAIL_BYTES = 5;

let host: SshHost;

afterEach(async () => {
  await host.stop();
});

interface Cipher {
  encrypt(packet: Buffer): void;
  allocPacket(payloadBytes: number): Buffer;
}

/** The private fields of ssh2's client through which it is made to guess. */
interface ClientFields {
  readonly _protocol: {
    _kexinit: Buffer;
    _cipher: Cipher;
    _packetRW: { write: { finalize(packet: Buffer, force?: boolean): Buffer } };
    rekey(): void;
  };
}

/** Makes a client say that a guess follows, and sends that before ssh2's own first message of the exchange. */
function guessWrong(protocol: ClientFields['_protocol']): void {
  let patched: object | undefined;
  const patch = (): void => {
    const { write } = protocol._packetRW;
    if (patched === write) return;
    patched = write;
    const finalize = write.finalize.bind(write);
    write.finalize = (packet, force) => {
      if (packet[HEAD_BYTES] !== KEXINIT || force !== true) return finalize(packet, force);
      const flag = protocol._kexinit.length - TAIL_BYTES;
      protocol._kexinit[flag] = 1;
      packet[HEAD_BYTES + flag] = 1;
      const { _cipher: cipher } = protocol;
      queueMicrotask(() => {
        const second = cipher.allocPacket(WRONG_GUESS.length);
        second.set(WRONG_GUESS, HEAD_BYTES);
        cipher.encrypt(second);
      });
      return finalize(packet, force);
    };
  };
  patch();
  const rekey = protocol.rekey.bind(protocol);
  protocol.rekey = () => {
    patch();
    rekey();
  };
}

test.each<[string, Algorithms]>([
  ['wrong because the agent likes another method better', { kex: ['curve25519-sha256'] }],
  ['wrong by its method', { kex: ['ecdh-sha2-nistp256', 'curve25519-sha256'] }],
  [
    'wrong by its host key',
    { kex: ['curve25519-sha256'], serverHostKey: ['ecdsa-sha2-nistp256', 'ssh-ed25519'] },
  ],
])('a guess that is %s, in the first and in a later exchange', async (_name, algorithms) => {
  host = await startSshHost();
  const client = dialSsh2(host, { algorithms });
  const { _protocol: protocol } = client as unknown as ClientFields;
  guessWrong(protocol);
  await once(client, 'ready');
  const again = once(client, 'handshake');
  protocol.rekey();
  await again;
  const { promise, resolve } = Promise.withResolvers<number>();
  client.exec('exit 3', (_error, channel) => channel.resume().on('exit', resolve));
  expect(await promise).toBe(3);
  client.end();
});

test('a key exchange that stalls after the login ends the connection after its time', async () => {
  const clock = new ManualClock();
  host = await startSshHost({ clock });
  const ssh = await connectRawSsh({ port: host.port, user: 'abc', keyFile: host.keyFile, until: 'login' });
  ssh.send(kexinitPayload());
  await ssh.receive(KEXINIT);
  clock.advance(EXCHANGE_GRACE_MS - 1);
  expect(host.logs).not.toContainEqual(expect.objectContaining({ event: 'connection cut' }));
  clock.advance(1);
  await until('it is closed', () => ssh.isClosed);
  expect(host.logs).toContainEqual({
    event: 'connection cut',
    fields: expect.objectContaining({ reason: 'key exchange not done in time' }),
  });
});

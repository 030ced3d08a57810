// A small SSH host on ssh2, for tests of what carries SSH: exec of `cat` and of anything else, for any key.
import type { Duplex } from 'node:stream';
import ssh2, { type KexAlgorithm } from 'ssh2';
import { generateHostKey } from '../../../services/agent/ssh/keys/host-key.ts';

export interface PinnedSshHost {
  readonly fingerprint: string;
  /** How many clients asked to be let in. */
  readonly attempts: () => number;
  /** Serves one connection. */
  readonly serve: (connection: Duplex) => void;
}

/** The methods of ssh2 whose reply carries the key first. */
export const VERIFIABLE_KEX: KexAlgorithm[] = [
  'curve25519-sha256',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
];

export function createPinnedSshHost(kex: KexAlgorithm[] = VERIFIABLE_KEX): PinnedSshHost {
  const { privateKey, fingerprint } = generateHostKey();
  let attempts = 0;
  const server = new ssh2.Server({ hostKeys: [privateKey], algorithms: { kex } }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      attempts += 1;
      if (context.method === 'publickey') context.accept();
      else context.reject(['publickey']);
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        if (command === 'cat') {
          channel.on('data', (chunk: Buffer) => {
            if (!channel.write(chunk)) channel.pause();
          });
          channel.on('drain', () => channel.resume());
          channel.on('end', () => {
            channel.exit(0);
            channel.end();
          });
        } else {
          channel.write(`ran ${command}\n`);
          channel.exit(7);
          channel.end();
        }
      });
    });
  });
  return {
    fingerprint,
    attempts: () => attempts,
    serve: (connection) => {
      connection.on('error', () => undefined);
      server.injectSocket(connection as Parameters<typeof server.injectSocket>[0]);
    },
  };
}

/** Starts an SSH client over `connection`, which logs in with a key of its own and stays; it takes any host. */
export function startSshClient(connection: Duplex): { readonly stop: () => void } {
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  const { privateKey } = generateHostKey();
  client.connect({ sock: connection, username: 'abc', privateKey, hostVerifier: () => true });
  return { stop: () => client.destroy() };
}

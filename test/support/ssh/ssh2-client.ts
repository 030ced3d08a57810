// A client of ssh2's, on its way into an SSH host of the test.
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import type { SshHost } from './ssh-host.ts';

/** Begins to log in with the host's key, or as `config` says. Whoever asks for it ends it. */
export function dialSsh2(
  host: Pick<SshHost, 'port' | 'keyFile'>,
  config: ssh2.ConnectConfig = {},
): ssh2.Client {
  const client = new ssh2.Client();
  const login = { username: 'abc', privateKey: readFileSync(host.keyFile) };
  client.connect({ host: '127.0.0.1', port: host.port, ...login, ...config });
  return client;
}

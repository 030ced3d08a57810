// One ssh2 server for one stream: how it calls itself, what it offers, and what it says before a login.
import type { Duplex } from 'node:stream';
import type { Connection } from 'ssh2';
import Server from 'ssh2/lib/server.js';
import { ALGORITHMS } from './algorithms.ts';
import type { SshServerOptions } from './ssh-options.ts';

/**
 * What we call ourselves (RFC 4253 section 4.2: name, space, comment). Where OpenSSH differs from SSH's drafts, clients go by
 * this name, and the server does what it promises:
 *
 * - SFTP's SYMLINK takes the target first. asyncssh, libssh, ssh2 and WinSCP swap the arguments for servers called OpenSSH only;
 *   paramiko always sends OpenSSH's order.
 * - `eow@openssh.com` and `no-more-sessions@openssh.com` are understood. OpenSSH's client sends them to no other server.
 * - Unix sockets are forwarded; ssh2 asks for that from version 6.7 on.
 * - RSA keys sign with SHA-2; paramiko assumes that for certificates from version 7.8 on.
 *
 * The version is that of the sshd which the tests compare with. Clients know of no fault in it to work around.
 */
export const IDENTIFICATION = 'OpenSSH_9.2 converge';

/** What a client is sent before its login while passwords are not taken (RFC 4252 section 5.4): `ssh` shows it. */
const SHUT_BANNER = 'converge: password login is off; the job log says why, and how to turn it on again\r\n';

/**
 * In milliseconds: the longest time that setInterval takes, because ssh2 has no "off". By default it asks for a sign of life
 * every 15 s and hangs up after three. A resumable stream may be without a transport for minutes, and the relays ping every
 * leg anyway.
 */
const KEEPALIVE_NEVER_MS = 2 ** 31 - 1;

/** Speaks SSH on `duplex`. `onConnection` is called when the client's first line has come, at most once. */
export function speakSsh(
  duplex: Duplex,
  { credentials, guard, hostKey }: SshServerOptions,
  onConnection: (connection: Connection) => void,
): void {
  const isShut = credentials.kind === 'password' && guard.state.kind === 'off';
  // It listens nowhere and gets this one stream, so its only connection is that of the stream.
  const server = new Server({
    hostKeys: [hostKey.privateKey],
    algorithms: ALGORITHMS,
    ident: IDENTIFICATION,
    keepaliveInterval: KEEPALIVE_NEVER_MS,
    ...(isShut ? { banner: SHUT_BANNER } : {}),
  });
  server.on('connection', onConnection);
  server.injectSocket(duplex as Parameters<typeof server.injectSocket>[0]);
}

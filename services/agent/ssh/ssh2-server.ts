// One ssh2 server for one stream: how it calls itself, what it offers, and what it says before a login.
import type { Duplex } from 'node:stream';
import ssh2, { type Connection } from 'ssh2';
import { ALGORITHMS } from './algorithms.ts';
import type { SshServerOptions } from './ssh-options.ts';

/**
 * What we call ourselves (RFC 4253 section 4.2: name, space, comment). Clients go by this name where SSH's drafts and OpenSSH
 * differ, and what it promises holds here: SFTP's SYMLINK takes the target first (asyncssh, libssh, ssh2 and WinSCP turn the
 * arguments for servers called OpenSSH only, paramiko sends OpenSSH's order to all); `eow@openssh.com` and
 * `no-more-sessions@openssh.com` are understood, which OpenSSH's client sends to no other; unix sockets are forwarded (ssh2 asks
 * for it from 6.7 on); RSA keys sign with SHA-2 (paramiko believes it of certificates from 7.8 on). The version is that of the
 * sshd which the tests compare with, and none for which clients work around faults.
 */
export const IDENTIFICATION = 'OpenSSH_9.2 converge';

/** What a client is told before its login while passwords are not taken (RFC 4252 section 5.4): `ssh` shows it. */
const SHUT_BANNER = 'converge: password login is off; the job log says why, and how to turn it on again\r\n';

/**
 * ssh2 asks for a sign of life every 15 s and drops after three; a resumable stream may be without a transport for
 * minutes, and the relays ping every leg anyway. There is no "off": setInterval's longest is.
 */
const KEEPALIVE_NEVER_MS = 2 ** 31 - 1;

/** Speaks SSH on `duplex`. `onConnection` is called when the client's first line has come, at most once. */
export function speakSsh(
  duplex: Duplex,
  { credentials, guard, hostKey }: SshServerOptions,
  onConnection: (connection: Connection) => void,
): void {
  const isShut = credentials.kind === 'password' && guard.state.kind === 'off';
  // It listens nowhere, and has this one stream: its one connection is known to be that of the stream.
  const server = new ssh2.Server({
    hostKeys: [hostKey.privateKey],
    algorithms: ALGORITHMS,
    ident: IDENTIFICATION,
    keepaliveInterval: KEEPALIVE_NEVER_MS,
    ...(isShut ? { banner: SHUT_BANNER } : {}),
  });
  server.on('connection', onConnection);
  server.injectSocket(duplex as Parameters<typeof server.injectSocket>[0]);
}

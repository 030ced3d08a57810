// The differences that are meant: cells where the agent does something else than sshd, and why. The docs carry them.

export interface Difference {
  readonly deed: string;
  /** Names of clients; absent for all that do the deed. */
  readonly clients?: readonly string[];
  /** For people. */
  readonly reason: string;
  /** Lines that the agent must have said, so that no other difference hides behind this one. */
  readonly says: readonly string[];
}

export const DIFFERENCES: readonly Difference[] = [
  {
    deed: 'login shell',
    reason:
      "the shell of a session is no login shell: it has the job's environment as the step that failed had it, which the profile files of a user would change",
    says: ['=login 1'],
  },
  {
    deed: 'terminal modes',
    clients: ['paramiko', 'asyncssh'],
    reason:
      "a client that sends no modes gets a line of UTF-8 all the same (iutf8), so that erase takes whole characters; sshd leaves that to the client, and OpenSSH's sends it",
    says: ['-iuclc -ixany -imaxbel iutf8'],
  },
  {
    deed: 'key exchange',
    clients: ['ssh, scp 9.2'],
    reason:
      'sntrup761x25519-sha512, the only post-quantum method of OpenSSH before 9.9, is not offered, so this client takes curve25519-sha256',
    says: ['curve25519-sha256'],
  },
  {
    deed: 'key exchange',
    clients: ['ssh, scp 10'],
    reason: 'mlkem768x25519-sha256 is offered, which the sshd that judges does not have yet',
    says: ['mlkem768x25519-sha256'],
  },
];

export function differenceOf(client: string, deed: string): Difference | undefined {
  return DIFFERENCES.find((known) => known.deed === deed && (known.clients?.includes(client) ?? true));
}

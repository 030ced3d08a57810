// A lane: where one cell at a time is run. NEAR, FAR and a full disk, and the files that clients read about the servers.
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Ports } from '../support/network/ports.ts';
import type { Deed } from './deed.ts';
import { copyFixtures } from './fixtures.ts';
import { PASSWORD, type Target, USER } from './target.ts';

const run = promisify(execFile);

/** Of the disk that is full as soon as anybody puts something of size there. */
const SMALL_DISK = '1m';

/**
 * `$0` is the folder of a lane. A client that was killed leaves its mount in `home`, and what is mounted there is all of this
 * machine: nothing of it may be removed, whether it can be unmounted or not.
 */
const CLEAR = [
  'umount --lazy "$0"/home/mnt 2>/dev/null',
  'cd "$0" && rm -rf --one-file-system disk/* near far home diff',
].join('; ');

/** The keys of the run, in the forms that clients want. */
export interface Keys {
  /** OpenSSH's Ed25519, without a passphrase; `.pub` is beside it. */
  readonly file: string;
  /** RSA, in PEM. */
  readonly rsa: string;
  readonly dropbear: string;
  readonly putty: string;
  /** One that nobody lets in. */
  readonly stranger: string;
}

export class Lane {
  readonly folder: string;
  readonly near: string;
  readonly far: string;
  readonly #fixtures: string;
  readonly #ports: Ports;
  readonly #disk: string;

  constructor(folder: string, fixtures: string, ports: Ports) {
    this.folder = folder;
    this.#ports = ports;
    this.near = join(folder, 'near');
    this.far = join(folder, 'far');
    this.#disk = join(folder, 'disk');
    this.#fixtures = fixtures;
  }

  /** Before the servers start: they see the small disk wherever they live. */
  async open(): Promise<void> {
    await mkdir(this.#disk, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK}`, 'tmpfs', this.#disk]);
    process.once('exit', this.#unmount);
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#unmount);
    await run('umount', ['--lazy', this.#disk]);
  }

  /** Empties it and lays out what lies there before. */
  async lay({ near = [], far = [] }: Deed): Promise<void> {
    await this.clear();
    for (const path of [this.near, this.far, join(this.folder, 'home')]) await mkdir(path);
    await copyFixtures(this.#fixtures, near, this.near);
    await copyFixtures(this.#fixtures, far, this.far);
  }

  async clear(): Promise<void> {
    await run('sh', ['-c', CLEAR, this.folder]);
  }

  /** The variables of a script, and the configuration of OpenSSH, where the server is called `far`. */
  async environmentFor(target: Target, keys: Keys): Promise<Record<string, string>> {
    const config = join(this.folder, 'config');
    await writeFile(config, configuration(target, keys));
    return {
      HOME: join(this.folder, 'home'),
      SERVER_HOME: target.home,
      LANE: this.folder,
      NEAR: this.near,
      FAR: this.far,
      DISK: this.#disk,
      CONFIG: config,
      PORTS: `${this.#ports.least} ${this.#ports.beyond}`,
      PORT: String(target.port),
      PASSWORD_PORT: String(target.passwordPort),
      FINGERPRINT: target.fingerprint,
      PASSWORD_FINGERPRINT: target.passwordFingerprint,
      USER,
      PASSWORD,
      KEY: keys.file,
      RSA_KEY: keys.rsa,
      DROPBEAR_KEY: keys.dropbear,
      PUTTY_KEY: keys.putty,
      STRANGER_KEY: keys.stranger,
    };
  }

  readonly #unmount = (): void => {
    execFileSync('umount', ['--lazy', this.#disk]);
  };
}

function configuration(target: Target, keys: Keys): string {
  const common = `  HostName 127.0.0.1
  User ${USER}
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  LogLevel ERROR
`;
  return `Host far
${common}  Port ${target.port}
  IdentityFile ${keys.file}
  IdentitiesOnly yes
Host far-by-password
${common}  Port ${target.passwordPort}
  PreferredAuthentications publickey,password
  NumberOfPasswordPrompts 1
  IdentityFile none
`;
}

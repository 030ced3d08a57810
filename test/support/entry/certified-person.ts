// People with certificates, and their authority: all of it made by the real ssh-keygen.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeKey } from '../laptop/laptop.ts';
import { type KeySecret } from '../laptop/open-job.ts';
import type { World } from '../laptop/world.ts';
import { makeKeyFile } from '../ssh/key-file.ts';
import { certify, sshKeygen } from '../ssh/ssh-keygen.ts';

export interface Authority {
  /** Its private key; `FILE.pub` is what agents and policies name. */
  readonly file: string;
  /** The line of `FILE.pub`. */
  readonly line: string;
  /** A person with a key and a certificate of this number, good for the names. */
  person(keyId: string, principals: string, serial: number): Promise<KeySecret>;
  /** A list that revokes the certificates of these numbers: the path of a KRL. */
  revoke(...serials: readonly number[]): Promise<string>;
}

export async function makeAuthority(world: World): Promise<Authority> {
  const folder = await world.makeFolder('authority');
  const file = join(folder, 'user_ca');
  await makeKeyFile(file, 'ed25519', ['-C', 'user CA']);
  return {
    file,
    line: (await readFile(`${file}.pub`, 'utf8')).trim(),
    async person(keyId, principals, serial) {
      const key = await makeKey(world);
      await certify(file, key.file, ['-I', keyId, '-z', String(serial), '-n', principals, '-V', '+1d']);
      return key;
    },
    async revoke(...serials) {
      const list = join(folder, `revoked-${serials.join('-')}`);
      await writeFile(`${list}.txt`, serials.map((serial) => `serial: ${serial}\n`).join(''));
      const { isGood, said } = await sshKeygen([
        '-q',
        '-k',
        '-f',
        `${list}.krl`,
        '-s',
        `${file}.pub`,
        `${list}.txt`,
      ]);
      if (!isGood) throw new Error(`ssh-keygen -k: ${said}`);
      return `${list}.krl`;
    },
  };
}

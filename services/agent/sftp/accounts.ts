// The accounts of this machine: names of users and groups by number, and home directories, from /etc/passwd and /etc/group.
import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';

/** Where accounts are read; those that only a directory service knows, as on macOS all people, are shown by number, but for this one. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

const SYSTEM_FILES: AccountFiles = { passwd: '/etc/passwd', group: '/etc/group' };

/** Of one account. */
interface User {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
}

interface Cached<T> {
  /** Modification time of the file that was read, ms; -1 where there is none. */
  readonly version: number;
  readonly entries: T;
}

/** Reads each file once and again only after it changed. Lookups see what the last `refresh` saw. */
export class Accounts {
  readonly #files: AccountFiles;
  /** Of this process, as the system knows it. */
  readonly #own: User | undefined;
  #users: Cached<readonly User[]> = { version: -1, entries: [] };
  #userNames: ReadonlyMap<number, string> = new Map();
  #groupNames: Cached<ReadonlyMap<number, string>> = { version: -1, entries: new Map() };

  constructor(files: AccountFiles = SYSTEM_FILES, own: User | undefined = ownAccount()) {
    this.#files = files;
    this.#own = own;
  }

  /** A missing or unreadable file means no names, never an error. */
  async refresh(): Promise<void> {
    const [passwdVersion, groupVersion] = await Promise.all([
      versionOf(this.#files.passwd),
      versionOf(this.#files.group),
    ]);
    if (passwdVersion !== this.#users.version) {
      const entries = usersFromPasswd(await readText(this.#files.passwd));
      this.#users = { version: passwdVersion, entries };
      this.#userNames = firstByNumber(entries.map(({ uid, name }) => [uid, name]));
    }
    if (groupVersion !== this.#groupNames.version) {
      const entries = groupNamesFromGroup(await readText(this.#files.group));
      this.#groupNames = { version: groupVersion, entries };
    }
  }

  userName(uid: number): string | undefined {
    return this.#userNames.get(uid) ?? (this.#own?.uid === uid ? this.#own.name : undefined);
  }

  groupName(gid: number): string | undefined {
    return this.#groupNames.entries.get(gid);
  }

  homeOf(userName: string): string | undefined {
    const known = this.#own === undefined ? this.#users.entries : [...this.#users.entries, this.#own];
    return known.find(({ name }) => name === userName)?.home;
  }
}

function ownAccount(): User | undefined {
  try {
    const { username, uid, homedir } = userInfo();
    return { name: username, uid, home: homedir };
  } catch {
    // A container may run as a number that no account has.
    return undefined;
  }
}

/** passwd(5): name:password:uid:gid:comment:home:shell */
function usersFromPasswd(text: string): User[] {
  return rowsOf(text).flatMap(([name, , uid, , , home]) =>
    name && uid && home ? [{ name, uid: Number(uid), home }] : [],
  );
}

/** group(5): name:password:gid:members */
function groupNamesFromGroup(text: string): Map<number, string> {
  return firstByNumber(rowsOf(text).flatMap(([name, , gid]) => (name && gid ? [[Number(gid), name]] : [])));
}

/** The first name given to a number counts, as in the C library. */
function firstByNumber(pairs: readonly (readonly [number, string])[]): Map<number, string> {
  return new Map(pairs.toReversed());
}

function rowsOf(text: string): string[][] {
  return text.split('\n').map((line) => line.split(':'));
}

async function versionOf(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => -1,
  );
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

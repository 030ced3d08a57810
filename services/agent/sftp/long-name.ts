// The long name of a directory entry: the line that `ls -l` prints, which version 3 clients show to people.
import { constants, type Stats } from 'node:fs';
import type { Accounts } from './accounts.ts';

/** Files changed within half a year show the time of day, older ones the year; as in ls(1) and OpenSSH. */
const RECENT_MS = (365 * 24 * 60 * 60 * 1000) / 2;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

const TYPE_LETTERS: ReadonlyMap<number, string> = new Map([
  [constants.S_IFDIR, 'd'],
  [constants.S_IFLNK, 'l'],
  [constants.S_IFBLK, 'b'],
  [constants.S_IFCHR, 'c'],
  [constants.S_IFIFO, 'p'],
  [constants.S_IFSOCK, 's'],
  [constants.S_IFREG, '-'],
]);

const SETUID = 0o4000;
const SETGID = 0o2000;
const STICKY = 0o1000;

/** The line for `name`, in local time; the name's bytes are kept as they are. */
export function longNameFrom(name: Buffer, stats: Stats, accounts: Accounts, nowMs: number): Buffer {
  const user = accounts.userName(stats.uid) ?? String(stats.uid);
  const group = accounts.groupName(stats.gid) ?? String(stats.gid);
  const fields = [
    `${modeLetters(stats.mode)} `,
    String(stats.nlink).padStart(3),
    user.padEnd(8),
    group.padEnd(8),
    String(stats.size).padStart(8),
    dateFrom(stats.mtime, nowMs),
    '',
  ];
  return Buffer.concat([Buffer.from(fields.join(' ')), name]);
}

/** `-rw-r--r--` and the like, as in ls(1). */
export function modeLetters(mode: number): string {
  const type = TYPE_LETTERS.get(mode & constants.S_IFMT) ?? '?';
  return (
    type +
    triple(mode >> 6, (mode & SETUID) !== 0, 's') +
    triple(mode >> 3, (mode & SETGID) !== 0, 's') +
    triple(mode, (mode & STICKY) !== 0, 't')
  );
}

function triple(bits: number, special: boolean, letter: 's' | 't'): string {
  const executable = (bits & 1) !== 0;
  const last = special ? (executable ? letter : letter.toUpperCase()) : executable ? 'x' : '-';
  return ((bits & 4) !== 0 ? 'r' : '-') + ((bits & 2) !== 0 ? 'w' : '-') + last;
}

function dateFrom(time: Date, nowMs: number): string {
  const day = `${MONTHS[time.getMonth()]} ${String(time.getDate()).padStart(2)}`;
  const recent = nowMs - time.getTime() < RECENT_MS;
  return recent
    ? `${day} ${twoDigits(time.getHours())}:${twoDigits(time.getMinutes())}`
    : `${day}  ${time.getFullYear()}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

// Valid packets of SFTP version 3 with OpenSSH's extensions. Every path is relative, and reaches nothing of this machine.
import { attrs, FLAG, packet, str, T, u32, u64 } from '../../support/sftp/sftp-client.ts';

/** The agent's handles are numbers that count up. */
const HANDLE = str(u32(1));

export function sftpCorpus(): readonly Buffer[] {
  let id = 0;
  const ask = (type: number, ...fields: Buffer[]): Buffer => {
    id += 1;
    return packet(type, u32(id), ...fields);
  };
  const extended = (name: string, ...fields: Buffer[]): Buffer => ask(T.EXTENDED, str(name), ...fields);
  return [
    ask(T.OPEN, str('file'), u32(FLAG.READ | FLAG.WRITE | FLAG.CREAT), attrs({ mode: 0o644 })),
    ask(T.OPEN, str('file'), u32(FLAG.READ), attrs()),
    ask(T.WRITE, HANDLE, u64(0), str('some bytes')),
    ask(T.READ, HANDLE, u64(0), u32(32_768)),
    ask(T.FSTAT, HANDLE),
    ask(T.FSETSTAT, HANDLE, attrs({ size: 10, mode: 0o600, times: [1, 2] })),
    ask(T.CLOSE, HANDLE),
    ask(T.OPENDIR, str('.')),
    ask(T.READDIR, HANDLE),
    ask(T.MKDIR, str('dir'), attrs({ mode: 0o755 })),
    ask(T.RMDIR, str('dir')),
    ask(T.REMOVE, str('file')),
    ask(T.RENAME, str('file'), str('dir/file')),
    ask(T.SYMLINK, str('file'), str('link')),
    ask(T.READLINK, str('link')),
    ask(T.STAT, str('file')),
    ask(T.LSTAT, str('link')),
    ask(T.SETSTAT, str('file'), attrs({ size: 100 })),
    ask(T.REALPATH, str('.')),
    extended('posix-rename@openssh.com', str('file'), str('dir/file')),
    extended('hardlink@openssh.com', str('file'), str('hard')),
    extended('statvfs@openssh.com', str('.')),
    extended('fstatvfs@openssh.com', HANDLE),
    extended('fsync@openssh.com', HANDLE),
    extended('lsetstat@openssh.com', str('link'), attrs({ times: [1, 2] })),
    extended('limits@openssh.com'),
    extended('expand-path@openssh.com', str('file')),
    extended('copy-data', HANDLE, u64(0), u64(10), HANDLE, u64(20)),
    extended('home-directory', str('abc')),
    extended('users-groups-by-id@openssh.com', str(u32(0)), str(u32(0))),
  ];
}

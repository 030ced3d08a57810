// Programs that move files: rsync, lftp, rclone, curl.
import type { Client } from '../client.ts';

const RSYNC = 'rsync -e "ssh -F $CONFIG"';
const LFTP = `lftp -c "set cmd:fail-exit yes; set net:max-retries 1; set sftp:connect-program \\"ssh -a -x -F $CONFIG\\"; open -u $USER, sftp://far; $1"`;
const CURL = 'curl -sS -k --key "$KEY" --pubkey "$KEY.pub" -u "$USER:"';

function curl(name: string, scheme: 'sftp' | 'scp'): Client {
  const url = `${scheme}://127.0.0.1:$PORT`;
  const resuming: Client['words'] = {
    put_rest: `${CURL} -C - -T "$1" "${url}$2"`,
    get_rest: `${CURL} -C - -o "$2" "${url}$1"`,
  };
  return {
    name,
    packages: ['curl', 'libssh2-1'],
    words: {
      put: `${CURL} -T "$1" "${url}$2"`,
      get: `${CURL} -o "$2" "${url}$1"`,
      ...(scheme === 'sftp' ? resuming : {}),
    },
    leaves:
      scheme === 'scp' ? { 'full disk': 'curl does not read the answer of scp, with sshd as well' } : {},
    own:
      scheme === 'sftp'
        ? {
            'file system': `code ${CURL} "${url}$FAR/" -Q "rename $FAR/small $FAR/moved" -Q "mkdir $FAR/folder" \\
  -Q "*symlink $FAR/moved $FAR/pointer" -Q "chmod 640 $FAR/moved" | sed 's/[A-Z][a-z][a-z] .[0-9] [0-9:]* /DATE /' | sort
code ${CURL} -l "${url}$FAR/links/" | sort
code ${CURL} --ftp-create-dirs -T small "${url}$FAR/a/b/small"
code ${CURL} -I -Q "statvfs $FAR/" "${url}$FAR/moved" >/dev/null`,
          }
        : {},
  };
}

export const TRANSFERS: readonly Client[] = [
  {
    name: 'rsync',
    packages: ['rsync', 'openssh-client'],
    words: {
      put: `${RSYNC} --no-W "$1" "far:$2"`,
      get: `${RSYNC} "far:$1" "$2"`,
      put_tree: `${RSYNC} -aH "$1/" "far:$2/"`,
      get_tree: `${RSYNC} -aH "far:$1/" "$2/"`,
      put_rest: `${RSYNC} --partial --append-verify "$1" "far:$2"`,
      get_rest: `${RSYNC} --partial --append-verify "far:$1" "$2"`,
    },
  },
  {
    name: 'lftp',
    packages: ['lftp', 'openssh-client'],
    setup: `lftp_do() { ${LFTP}; }`,
    words: {
      put: 'lftp_do "put -e \\"$1\\" -o \\"$2\\"" >/dev/null',
      get: 'lftp_do "get -e \\"$1\\" -o \\"$2\\"" >/dev/null',
      put_tree: 'lftp_do "mirror -R --parallel=16 \\"$1\\" \\"$2\\""',
      get_tree: 'lftp_do "mirror --parallel=16 \\"$1\\" \\"$2\\""',
      put_rest: 'lftp_do "put -c \\"$1\\" -o \\"$2\\"" >/dev/null',
      get_rest: 'lftp_do "pget -n 8 -c \\"$1\\" -o \\"$2\\"" >/dev/null',
    },
    own: {
      'file system': `code lftp_do "cd $FAR; mv small moved; mkdir -p folder/inner; chmod 640 moved; ln -s moved pointer; cls -1 links; rm -r folder; du -b" |
  sed 's/^[0-9]*\\t/N /'`,
    },
  },
  {
    name: 'rclone',
    packages: ['rclone'],
    noisy: true,
    // It has signs of its own for what a name may not hold, and makes the folders that a file is put into.
    says: { 'odd names': ['code 0', 'NOT ALIKE:'], errors: ['not got', 'PUT', 'not put', 'code 0'] },
    leaves: { mount: 'rclone mount of Debian 12 did not end within two minutes with sshd itself' },
    setup: `RCLONE_CONFIG=$LANE/home/rclone.conf; RCLONE_CONFIG_FAR_TYPE=sftp; RCLONE_CONFIG_FAR_HOST=127.0.0.1
RCLONE_CONFIG_FAR_PORT=$PORT; RCLONE_CONFIG_FAR_USER=$USER; RCLONE_CONFIG_FAR_KEY_FILE=$KEY
RCLONE_RETRIES=1; RCLONE_LOW_LEVEL_RETRIES=1; RCLONE_TRANSFERS=8; RCLONE_SFTP_CONCURRENCY=64; touch "$RCLONE_CONFIG"`,
    words: {
      put: 'rclone copyto "$1" "far:$2"',
      get: 'rclone copyto "far:$1" "$2"',
      put_tree: 'rclone copy --create-empty-src-dirs "$1" "far:$2"',
      get_tree: 'rclone copy --create-empty-src-dirs "far:$1" "$2"',
    },
    own: {
      'file system': `code rclone moveto "far:$FAR/small" "far:$FAR/moved"; code rclone mkdir "far:$FAR/folder"
code rclone copyto "far:$FAR/moved" "far:$FAR/folder/copied"; code rclone lsf -R "far:$FAR/links"
code rclone check small "far:$FAR" 2>/dev/null; rclone hashsum sha1 "far:$FAR/moved"; code rclone purge "far:$FAR/links"
rclone about "far:$FAR" | cut -d : -f 1`,
    },
  },
  curl('curl sftp', 'sftp'),
  curl('curl scp', 'scp'),
];

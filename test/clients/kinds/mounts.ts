// sshfs: the far folder as a file system of this machine, and the machine's own programs in it.
import type { Client } from '../client.ts';

export const SSHFS: Client = {
  name: 'sshfs',
  packages: ['sshfs', 'fuse3', 'openssh-client'],
  setup: `mounted() {
  mkdir -p "$LANE/home/mnt"; sshfs -F "$CONFIG" "far:/" "$LANE/home/mnt" || return
  "$@"; set -- $?; fusermount3 -u "$LANE/home/mnt"; return $1
}`,
  words: {
    put: 'mounted cp -- "$1" "$LANE/home/mnt$2"',
    get: 'mounted cp -- "$LANE/home/mnt$1" "$2"',
    put_tree: 'mounted cp -a -- "$1" "$LANE/home/mnt$2"',
    get_tree: 'mounted cp -a -- "$LANE/home/mnt$1" "$2"',
  },
  leaves: {
    'put 2,000 files': 'minutes, by one request after the other; the mount has the same requests',
    'get 2,000 files': 'minutes, by one request after the other; the mount has the same requests',
  },
  own: {
    mount: `work() {
  cd "$LANE/home/mnt$FAR"
  cmp large "$FAR/large" && echo 'read equal'
  cp -p "$NEAR/small" small; cmp small "$NEAR/small" && echo 'written equal'
  mv small moved; ln moved twin; ln -s moved pointer; readlink pointer; mkdir folder; rmdir folder
  ls tree | sort | cmp - <(ls "$FAR/tree" | sort) && echo 'listed alike'
  chmod 2640 moved; touch -d @1500000000 moved; truncate -s 1000 large; dd if=/dev/zero of=large bs=1 seek=500 count=5 conv=notrunc 2>/dev/null
  echo more >>moved; mv -n moved pointer; rm twin; ls -A; tail -c 5 moved; stat -f -c %T . ; cd /
}
code mounted work`,
    'file system': `work() { cd "$LANE/home/mnt$FAR"; stat -c '%n %s %A %Y' small links/*; mv small links/small; rm -r links; ls -A; cd /; }
code mounted work | sed 's/ [0-9]*$/ TIME/'`,
  },
};

// Programs that use ssh for something of their own: git, ansible, and those that make backups.
import type { Client } from '../client.ts';

const RESTORED = `alike tree back/tree | sed 's/^/restored /'; alike wide back/wide | sed 's/^/restored /'; equal large back/large`;

export const PROGRAMS: readonly Client[] = [
  {
    name: 'git',
    packages: ['git', 'openssh-client'],
    words: {},
    own: {
      repository: `GIT_SSH_COMMAND="ssh -F $CONFIG"; GIT_AUTHOR_NAME=a; GIT_AUTHOR_EMAIL=a@b; GIT_COMMITTER_NAME=a; GIT_COMMITTER_EMAIL=a@b
GIT_AUTHOR_DATE='2021-03-04T00:00:00Z'; GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
git init -q --bare -b main "$FAR/repository"; cd tree
git init -q -b main; git add .; git commit -q -m one
code git push -q "far:$FAR/repository" main; cd ..
code git clone -q "far:$FAR/repository" clone; rm -rf "$FAR/repository/hooks"
diff -r -x .git tree clone && echo 'cloned alike'
cd tree; echo two >two; git add .; git commit -q -m two; code git push -q "far:$FAR/repository" main; cd ../clone
code git pull -q; cat two; git log --format=%H; git archive --remote="far:$FAR/repository" main | tar -t | wc -l
[ "$(cat two)" = two ] && echo fetched; code git push -q far:/nowhere main 2>/dev/null
cd ..; rm -rf tree clone "$FAR/repository"`,
    },
  },
  {
    name: 'ansible',
    packages: ['ansible-core', 'openssh-client'],
    words: {},
    own: {
      playbook: `cat >"$LANE/home/inventory" <<EOF
far ansible_python_interpreter=/usr/bin/python3
EOF
ANSIBLE_SSH_ARGS="-F $CONFIG -o ControlMaster=auto -o ControlPersist=1s"; ANSIBLE_SSH_CONTROL_PATH=$LANE/home/c-%%C; ANSIBLE_HOST_KEY_CHECKING=False
ANSIBLE_LOCAL_TEMP=$LANE/home/tmp; ANSIBLE_REMOTE_TEMP=$LANE/home/far-tmp; ANSIBLE_NOCOLOR=1
play() { ansible -i "$LANE/home/inventory" -o far "$@" | sed -e 's/"[a-z_]*time": "[^"]*"/TIME/g' -e 's/far-tmp[^"]*/TMP/g' -e 's/"delta": "[^"]*"/DELTA/'; }
play -m ping | grep -o pong
play -m shell -a 'echo out; echo err >&2; exit 3' | tr -d '\\n' | grep -o 'rc=3\\|"rc": 3\\|(stdout) out\\|(stderr) err'
play -m command -a 'printf two\\ words' | grep -o 'two words'
for method in sftp scp piped; do
  ANSIBLE_SSH_TRANSFER_METHOD=$method
  play -m copy -a "src=$NEAR/small dest=$FAR/$method mode=preserve" | grep -o CHANGED; equal small "$FAR/$method"
done
play -m copy -a "{\\"src\\": \\"$NEAR/odd/two words\\", \\"dest\\": \\"$FAR/\\"}" | grep -o CHANGED
play -m fetch -a "src=$FAR/sftp dest=$NEAR/fetched flat=yes" | grep -o CHANGED; equal small fetched`,
    },
  },
  {
    name: 'restic',
    packages: ['restic', 'openssh-client'],
    noisy: true,
    words: {},
    own: {
      backup: `RESTIC_PASSWORD=secret; RESTIC_CACHE_DIR=$LANE/home/cache
restic() { command restic -q -r "sftp:far:$FAR/repository" -o sftp.command="ssh -F $CONFIG far -s sftp" -o sftp.connections=5 "$@"; }
code restic init; code restic backup tree wide large; code restic check --read-data; code restic restore latest --target back
back=back/$NEAR; [ -e back/tree ] || { mv "$back"/* back/; }
${RESTORED}
code restic forget --prune --keep-last 1; rm -rf "$FAR/repository" back tree`,
    },
  },
  {
    name: 'borg',
    packages: ['borgbackup', 'openssh-client'],
    noisy: true,
    words: {},
    own: {
      backup: `BORG_RSH="ssh -F $CONFIG"; BORG_BASE_DIR=$LANE/home; BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
code borg init -e none "far:$FAR/repository"; code borg create "far:$FAR/repository::one" tree wide large
code borg check --verify-data "far:$FAR/repository"
mkdir back; cd back; code borg extract "far:$FAR/repository::one"; cd ..
${RESTORED}
code borg prune --keep-last 1 "far:$FAR/repository"; rm -rf "$FAR/repository" back tree`,
    },
  },
  {
    name: 'duplicity',
    packages: ['duplicity', 'python3-paramiko'],
    noisy: true,
    words: {},
    own: {
      backup: `mkdir -p "$LANE/home/.ssh"; ssh-keyscan -p $PORT 127.0.0.1 >"$LANE/home/.ssh/known_hosts" 2>/dev/null; mkdir "$FAR/repository" source
mv tree wide large source/
save() { duplicity --no-encryption --archive-dir "$LANE/home/archive" --tempdir "$LANE/home" --ssh-options="-oIdentityFile=$KEY" "$@"; }
url=sftp://$USER@127.0.0.1:$PORT/$FAR/repository
code save --no-print-statistics full --volsize 5 source $url >/dev/null; code save verify --compare-data $url source >/dev/null
code save restore $url back >/dev/null; mv source/* .
${RESTORED}
rm -rf "$FAR/repository" back tree`,
    },
  },
  {
    name: 'mc sh',
    packages: ['mc', 'openssh-client'],
    noisy: true,
    words: {},
    // sftp: of mc is libssh2, as curl's is.
    own: {
      panels: `mkdir "$LANE/home/bin" "$FAR/in" out back; cp small out
printf '#!/bin/sh\\nexec /usr/bin/ssh -F %s "$@"\\n' "$CONFIG" >"$LANE/home/bin/ssh"; chmod +x "$LANE/home/bin/ssh"; PATH=$LANE/home/bin:$PATH
mc() { code /usr/bin/python3 "$PROGRAMS/mc_client.py" "$@"; }
mc "$NEAR/out" "sh://far$FAR/in" "$FAR/in/small" | sed 's/$/ there/'; equal small "$FAR/in/small"
mc "sh://far$FAR/links" "$NEAR/back" "$NEAR/back/to-folder" | sed 's/$/ back/'; equal back/file "$FAR/links/file"`,
    },
  },
];

// OpenSSH's ssh, scp and sftp, of three Debians.
import type { Client } from '../client.ts';

const SSH: Client['words'] = {
  on: 'ssh -F "$CONFIG" far "$@"',
  on_tty: 'ssh -F "$CONFIG" -tt far "$@"',
  on_env: 'DEED=done LANG=C.UTF-8 ssh -F "$CONFIG" -o "SendEnv DEED LANG" far "$@"',
  on_agent: 'ssh -F "$CONFIG" -A far "$@"',
  login: 'ssh -F "$CONFIG" -tt far',
  tunnel: 'exec ssh -F "$CONFIG" -N -o ExitOnForwardFailure=yes far "$@"',
  with_password:
    'SSHPASS=$PASSWORD sshpass -e ssh -F "$CONFIG" -o PreferredAuthentications=password far-by-password "$@"',
  after_refusal:
    'SSHPASS=$PASSWORD sshpass -e ssh -F "$CONFIG" -i "$STRANGER_KEY" -o IdentitiesOnly=yes far-by-password "$@"',
};

const SCP: Client['words'] = {
  put: 'scp -F "$CONFIG" -q "$1" "far:$2"',
  get: 'scp -F "$CONFIG" -q "far:$1" "$2"',
  put_tree: 'scp -F "$CONFIG" -qrp "$1" "far:$2"',
  get_tree: 'scp -F "$CONFIG" -qrp "far:$1" "$2"',
};

const SFTP: Client['words'] = {
  put: 'echo "put \\"$1\\" \\"$2\\"" | batch',
  get: 'echo "get \\"$1\\" \\"$2\\"" | batch',
  put_tree: 'echo "put -pR \\"$1\\" \\"$2\\"" | batch',
  get_tree: 'echo "get -pR \\"$1\\" \\"$2\\"" | batch',
  put_rest: 'echo "reput \\"$1\\" \\"$2\\"" | batch',
  get_rest: 'echo "reget \\"$1\\" \\"$2\\"" | batch',
};

/** Opens one connection for all that follows, and closes it. Should the script be killed, it holds no output that is read to its end. */
const SHARED = `share() { ssh -F "$CONFIG" -M -S "$LANE/home/shared" -fN far >/dev/null 2>&1; }
over() { ssh -F "$CONFIG" -S "$LANE/home/shared" far "$@"; }
unshare_it() { ssh -F "$CONFIG" -S "$LANE/home/shared" -O exit far 2>/dev/null; }
`;

const OWN: NonNullable<Client['own']> = {
  'key exchange': `code ssh -F "$CONFIG" -vv far 'echo in' 2>log
tr -d '\\r' <log | sed -n 's/^debug1: kex: algorithm: //p'
grep -i 'quantum' log; rm log`,
  'RSA key': `sed 's|^  IdentityFile .*|  IdentityFile '"$RSA_KEY|" "$CONFIG" >"$LANE/home/rsa"
ssh -F "$LANE/home/rsa" far 'echo in by RSA'`,
  'key of a stranger': `sed 's|^  IdentityFile .*|  IdentityFile '"$STRANGER_KEY|" "$CONFIG" >"$LANE/home/stranger"
ssh -F "$LANE/home/stranger" -o BatchMode=yes far 'echo LET IN' 2>/dev/null || echo "kept out"`,
  '20 at once': `${SHARED}share
for n in $(seq 20); do
  (answer=$(seq $((n * 1000)) | over "sleep 0.3; sha256sum; exit $n"; echo "$?")
  [ "$answer" = "$(seq $((n * 1000)) | sha256sum)
$n" ] && echo right || echo "wrong: $answer") &
done | sort | uniq -c | sed 's/^ *//'
unshare_it`,
  '200 in a row': `${SHARED}share
for n in $(seq 200); do [ "$(over "echo $n; exit $((n % 7))" ; echo $?)" = "$n
$((n % 7))" ] && echo right || echo wrong; done | sort | uniq -c | sed 's/^ *//'
unshare_it`,
  'unread input, then more': `${SHARED}share
for turn in 1 2 3 4 5; do code over 'head -c 10 >/dev/null; exit 3' <large 2>/dev/null; done
code over 'echo still there'
unshare_it`,
  rekey: `code ssh -F "$CONFIG" -v -o RekeyLimit=1M far cat <large >back 2>log
equal large back
[ "$(grep -c 'SSH2_MSG_NEWKEYS received' log)" -ge 20 ] && echo 'new keys'; rm log`,
  'forward sockets': `serve echo "$LANE/home/ready" "$FAR/echo.sock" & echo=$!
wait_for "$LANE/home/ready"
ssh -F "$CONFIG" -N -L "$LANE/home/here.sock:$FAR/echo.sock" -R "$FAR/back.sock:$FAR/echo.sock" far & tunnel=$!
net ask "$LANE/home/here.sock"; net ask "$LANE/home/here.sock"; net ask "$FAR/back.sock"
stat -c %a "$FAR/back.sock"
quit $tunnel $echo; rm -f "$FAR/back.sock" "$FAR/echo.sock"`,
  'server by bash -s': `cat >"$LANE/home/start" <<'EOF'
nohup /usr/bin/python3 "$PROGRAMS/net.py" echo "$LANE/home/port" >/dev/null 2>&1 </dev/null &
echo $! >"$LANE/home/pid"
until [ -e "$LANE/home/port" ]; do sleep 0.05; done
echo "listening"
EOF
(echo "PROGRAMS='$PROGRAMS' LANE='$LANE'"; cat "$LANE/home/start") | code ssh -F "$CONFIG" -T far bash -s
there=$(cat "$LANE/home/port"); here=$(net free); proxy=$(net free)
kill -0 "$(cat "$LANE/home/pid")" && echo 'alive after the script'
# VS Code: the same connection runs a shell that is fed and carries the SOCKS proxy.
(echo "echo shell up; while read -r line; do echo \\"said $line\\"; done"; echo one; echo two; wait_for "$LANE/home/asked") |
  ssh -F "$CONFIG" -T -D 127.0.0.1:$proxy far bash >"$LANE/home/said" & shell=$!
net ask $proxy $there; touch "$LANE/home/asked"; wait $shell; cat "$LANE/home/said"
# JetBrains: a connection of its own for the forward.
ssh -F "$CONFIG" -N -L 127.0.0.1:$here:localhost:$there far & tunnel=$!
net ask $here
quit $tunnel; kill "$(cat "$LANE/home/pid")"`,
};

const SFTP_SETUP = 'batch() { sftp -F "$CONFIG" -q -b - far; }';

const SFTP_OWN: NonNullable<Client['own']> = {
  'file system': `batch <<EOF | sed -e 's/[A-Z][a-z][a-z] .[0-9] [0-9:]*/DATE/' -e '/^sftp> df/,$s/[0-9][0-9]*/N/g'
cd "$FAR"
rename small moved
symlink moved pointer
ln moved twin
mkdir folder
chmod 2750 folder
chmod 640 moved
put -p small folder/again
-mkdir folder
-rmdir folder
-rename moved absent/x
-rm absent
ls -la
ls -1 links
rm twin
df .
EOF
echo "code \${PIPESTATUS[0]}"`,
  rekey: `printf 'put large "%s"\\nget "%s" back\\n' "$FAR/large" "$FAR/large" | code sftp -F "$CONFIG" -q -o RekeyLimit=1M -b - far >/dev/null
equal large "$FAR/large"; equal large back`,
};

/** The old protocol of scp writes line ends in names in its own way, on both sides of it. */
const OLD_PROTOCOL: NonNullable<Client['says']> = { 'odd names': ['code 0', 'NOT ALIKE:'] };

function openssh(version: string, suite?: Client['suite']): Client[] {
  const common = { packages: ['openssh-client', 'sshpass', 'util-linux'], ...(suite && { suite }) } as const;
  return [
    {
      ...common,
      name: `ssh, scp ${version}`,
      words: { ...SSH, ...SCP },
      own: OWN,
      ...(version === '8.4' && { says: OLD_PROTOCOL }),
    },
    { ...common, name: `sftp ${version}`, words: SFTP, setup: SFTP_SETUP, own: SFTP_OWN },
  ];
}

export const OPENSSH: readonly Client[] = [
  ...openssh('8.4', 'bullseye'),
  ...openssh('9.2'),
  ...openssh('10', 'trixie'),
  {
    name: 'scp -O 9.2',
    says: OLD_PROTOCOL,
    packages: ['openssh-client'],
    words: {
      put: 'scp -O -F "$CONFIG" -q "$1" "far:$2"',
      get: 'scp -O -F "$CONFIG" -q "far:$1" "$2"',
      put_tree: 'scp -O -F "$CONFIG" -qrp "$1" "far:$2"',
      get_tree: 'scp -O -F "$CONFIG" -qrp "far:$1" "$2"',
    },
  },
];

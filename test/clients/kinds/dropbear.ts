// dropbear's client; files go by OpenSSH's sftp over it.
import type { Client } from '../client.ts';

const CALL = 'dbclient -y -y -i "$DROPBEAR_KEY" -p "$PORT"';

export const DROPBEAR: Client = {
  name: 'dbclient',
  packages: ['dropbear-bin', 'openssh-client'],
  noisy: true,
  setup: `batch() { sftp -q -D "dbclient -y -y -T -i $DROPBEAR_KEY -p $PORT -s $USER@127.0.0.1 sftp" -b - >/dev/null; }`,
  words: {
    on: `${CALL} -T "$USER@127.0.0.1" "$@"`,
    on_tty: `${CALL} -t "$USER@127.0.0.1" "$@"`,
    login: `${CALL} -t "$USER@127.0.0.1"`,
    tunnel: `exec ${CALL} -N "$@" "$USER@127.0.0.1"`,
    on_agent: `${CALL} -A "$USER@127.0.0.1" "$@"`,
    with_password: 'DROPBEAR_PASSWORD=$PASSWORD dbclient -y -y -T -p "$PASSWORD_PORT" "$USER@127.0.0.1" "$@"',
    put: 'echo "put \\"$1\\" \\"$2\\"" | batch',
    get: 'echo "get \\"$1\\" \\"$2\\"" | batch',
    put_tree: 'echo "put -pR \\"$1\\" \\"$2\\"" | batch',
    get_tree: 'echo "get -pR \\"$1\\" \\"$2\\"" | batch',
  },
  leaves: {
    'SOCKS (-D)': 'dbclient has no -D',
    'a reader that leaves': 'dbclient goes on when nobody reads its output, with sshd as well',
    'a long command': 'dbclient ends at a command of 30,000 bytes by itself',
    shell: 'dbclient wants a terminal at its standard input',
    'login shell': 'dbclient wants a terminal at its standard input',
  },
};

// The libraries of Python: paramiko, which most Python programs use, and asyncssh.
import type { Client } from '../client.ts';
import type { Word } from '../deed.ts';

const WORDS = [
  'on',
  'on_tty',
  'on_env',
  'on_agent',
  'login',
  'put',
  'get',
  'with_password',
  'after_refusal',
] as const;

function wordsOf(call: string, words: readonly Word[]): Client['words'] {
  return {
    ...Object.fromEntries(words.map((word) => [word, `${call} ${word} "$@"`])),
    tunnel: `exec ${call} tunnel "$@"`,
  };
}

function ownOf(call: string): Client['own'] {
  return {
    'RSA key': `code ${call} rsa`,
    'key of a stranger': `code ${call} stranger`,
    '20 at once': `code ${call} twenty`,
    '200 in a row': `code ${call} two_hundred`,
    'unread input, then more': `code ${call} unread`,
    rekey: `code ${call} rekey`,
    'file system': `code ${call} file_system`,
  };
}

const PARAMIKO = '/usr/bin/python3 "$PROGRAMS/paramiko_client.py"';
const ASYNCSSH = '/usr/bin/python3 "$PROGRAMS/asyncssh_client.py"';

export const PYTHON: readonly Client[] = [
  {
    name: 'paramiko',
    packages: ['python3-paramiko'],
    noisy: true,
    words: wordsOf(PARAMIKO, WORDS),
    own: { ...ownOf(PARAMIKO) },
    leaves: {
      'SOCKS (-D)': 'paramiko has no proxy of its own',
      'forward back (-R)':
        'what serves it would be ours, not paramiko, and was seen to lose a connection with sshd as well',
      'forward to nobody': 'the script of this deed asks for three forwards by one command',
      'unread input, then more':
        'paramiko still sends on a channel that both have closed, and sshd was seen to end the connection over it',
    },
  },
  {
    name: 'asyncssh',
    packages: ['python3-asyncssh'],
    noisy: true,
    words: wordsOf(ASYNCSSH, [...WORDS, 'put_tree', 'get_tree']),
    own: {
      ...ownOf(ASYNCSSH),
      'forward sockets': `serve echo "$LANE/home/ready" "$FAR/echo.sock" & echo=$!
wait_for "$LANE/home/ready"; code ${ASYNCSSH} sockets; quit $echo; rm -f "$FAR/back.sock" "$FAR/echo.sock"`,
    },
    leaves: {
      'bytes of a command': 'asyncssh takes text and sends UTF-8',
      'forward to nobody': 'the script of this deed asks for three forwards by one command',
    },
  },
];

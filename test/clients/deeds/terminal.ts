// Deeds at a terminal.
import { deeds } from '../deed.ts';

export const TERMINAL_DEEDS = deeds(
  {
    name: 'terminal',
    about: 'A command with a terminal: its size, its type, and the exit code.',
    words: ['on_tty'],
    script: `in_terminal 33 101 on_tty 'tty | tr -d 0-9; stty size; echo "$TERM"; exit 5' | plain
echo "code \${PIPESTATUS[0]}"
in_terminal 24 80 on_tty 'echo both; echo ways >&2; exit 0' | plain`,
    says: ['/dev/pts/', '33 101', 'xterm', 'code 5', 'both', 'ways'],
  },
  {
    name: 'terminal modes',
    about: "The modes of this side's terminal are those of the other side's.",
    words: ['on_tty'],
    script: `in_terminal 24 80 on_tty 'stty -a' | plain
TERMINAL_SETTINGS='stty erase ^H intr ^G -ixon -echo'
in_terminal 24 80 on_tty 'stty -a' | plain`,
    says: ['isig icanon iexten echo echoe echok -echonl -noflsh -xcase -tostop -echoprt'],
  },
  {
    name: 'shell',
    about: 'A shell in a terminal that is typed at: job control, its last exit code.',
    words: ['login'],
    script: `printf '%s\\n' 'PS1=; PROMPT_COMMAND=; stty -echo' \\
  'printf "\\n=%s\\n" "$(tty | tr -d 0-9) $-" "$TERM"' \\
  'sleep 100 & kill %1 && echo =jobs' 'exit 6' | login >said 2>err
echo "code $?"
plain <said | grep -a '^='; rm said err`,
    says: ['code 6', '=jobs'],
  },
  {
    name: 'login shell',
    about: 'Whether that shell reads the profile files of its user, and where it starts.',
    words: ['login'],
    script: `printf '%s\\n' 'PS1=; PROMPT_COMMAND=; stty -echo' \\
  'shopt -q login_shell; printf "\\n=login %s\\n" $?' 'echo "=$0 $PWD"' exit | login >said 2>/dev/null
plain <said | grep -a '^=' | sed "s|$SERVER_HOME|HOME|"; rm said`,
    says: ['=login 0', '=-bash HOME'],
  },
);

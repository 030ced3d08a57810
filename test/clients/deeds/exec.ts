// Deeds with commands: what goes in, what comes out, and how they end.
import { deeds } from '../deed.ts';

export const EXEC_DEEDS = deeds(
  {
    name: 'exit codes',
    about: 'A command that succeeds, ones that fail with 1, 7 and 255, and one that is not there.',
    words: ['on'],
    script: `for wanted in 0 1 7 255; do code on "echo in; exit $wanted"; done
code on 'no-such-command-here 2>/dev/null'`,
    says: ['code 0', 'code 1', 'code 7', 'code 255', 'code 127'],
  },
  {
    name: 'standard input',
    about: '20 MB in, to their end, and as many back.',
    words: ['on'],
    near: ['large'],
    script: `code on cat <large >back
equal large back
on 'sha256sum; echo ended' <large
printf 'no line end' | on 'cat; echo .'
code on 'cat | wc -c' </dev/null`,
    says: ['code 0', 'equal', 'ended', 'no line end.', '0'],
  },
  {
    name: 'standard error',
    about: 'It arrives apart, whole and beside the output.',
    words: ['on'],
    script: `code on 'echo out; echo err >&2; head -c 3000000 /dev/zero | tee /dev/fd/2; exit 4' >out 2>err
head -n 1 out; grep -a -o -m 1 err err; tail -c 3000000 out | tr -d '\\0' | wc -c
head -c 4 err >first; cat first`,
    says: ['code 4', 'out', 'err', '0'],
  },
  {
    name: 'streams by name',
    about: '/dev/stdin, /dev/stdout and /dev/stderr, opened by name, as scripts and `tee` do.',
    words: ['on'],
    script: `code on 'echo x >/dev/stderr' 2>&1
echo y | code on 'cat /dev/stdin'
echo z | code on 'tee /dev/stderr' >out 2>&1; sort out; rm out
echo 'echo from a script' | code on 'bash /dev/stdin'
code on 'echo w >/dev/stdout'
code on 'stat -L -c %F /dev/stdin /dev/stdout /dev/stderr' </dev/null`,
    says: ['x', 'y', 'z', 'from a script', 'w'],
  },
  {
    name: 'death by signal',
    about: 'A command that a signal ends: what the client says and exits with.',
    words: ['on'],
    script: `for name in TERM KILL HUP SEGV PIPE; do code on "echo alive; kill -$name \\$\\$; sleep 1; echo survived"; done`,
    says: ['alive'],
  },
  {
    name: 'real-time signal',
    about: 'The same with a signal that SSH has no name for.',
    words: ['on'],
    script: `code on 'echo alive; kill -34 $$; sleep 1; echo survived'`,
    says: ['alive'],
  },
  {
    name: 'a reader that leaves',
    about: '`yes | head`: the reader goes, the command ends and the connection with it.',
    words: ['on'],
    script: `on yes | head -n 2
echo "head ended"
on 'seq inf' | grep -m 1 5000
code on 'echo and the next'`,
    says: ['y', 'head ended', '5000', 'and the next'],
  },
  {
    name: 'input that is not read',
    about: '20 MB for a command that reads ten bytes and exits with 3, five times.',
    words: ['on'],
    near: ['large'],
    script: `for turn in 1 2 3 4 5; do code on 'head -c 10 >/dev/null; exit 3' <large 2>/dev/null; done
code on 'exec 0<&-; sleep 0.2; echo closed; exit 5' <large 2>/dev/null`,
    says: ['code 3', 'closed', 'code 5'],
  },
  {
    name: 'a long command',
    about: 'Commands of 30,000, 40,000 and 120,000 bytes.',
    words: ['on'],
    script: `for length in 30000 40000 120000; do
  code on ": $(head -c $length /dev/zero | tr '\\0' x); echo ran"
done`,
    says: ['ran', 'code 0'],
  },
  {
    name: 'bytes of a command',
    about: 'A command in Latin-1, and one in UTF-8.',
    words: ['on'],
    script: `code on $'printf %s caf\\xe9 | od -An -tx1'
code on $'printf %s gr\\xc3\\xbc\\xc3\\x9fe | od -An -tx1'`,
    says: [' 63 61 66 e9', ' 67 72 c3 bc c3 9f 65', 'code 0'],
  },
  {
    name: 'environment',
    about: 'What is there without a terminal, and what the client sends.',
    words: ['on', 'on_env'],
    script: `on 'echo "$HOME $USER $LOGNAME $SHELL $PWD [$(printenv TERM)]"' | sed "s|$SERVER_HOME|HOME|g"
code on_env 'echo "$DEED $LANG"'
on 'echo "\${SSH_CONNECTION:+connection} \${SSH_CLIENT:+client} [\${SSH_TTY-none}]"'
on 'ls /proc/self/fd | tr "\\n" " "; umask; ulimit -c; trap -p; cat /proc/self/status | grep -e SigIgn -e SigBlk'`,
    says: ['done C.UTF-8', 'code 0'],
  },
  {
    name: 'left behind',
    about: 'A background job that keeps the output open is waited for; one that does not lives on.',
    words: ['on'],
    // Late is after the end of the shell, however long that takes.
    script: `on '(while kill -0 $$ 2>/dev/null; do sleep 0.1; done; echo late) & echo early'
code on "(sleep 2; touch '$FAR/lived') >/dev/null 2>&1 </dev/null & echo started"
wait_for "$FAR/lived"`,
    says: ['early', 'late', 'started', 'code 0'],
  },
);

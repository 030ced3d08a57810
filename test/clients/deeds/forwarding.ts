// Deeds with forwarding: ports, sockets, the agent of keys.
import { deeds } from '../deed.ts';

/** An echo there, `option` served, and two questions through it to `ways`, one after the other. */
function through(begin: string, ways: string): string {
  return `serve echo "$LANE/home/port" & echo=$!
wait_for "$LANE/home/port"; there=$(cat "$LANE/home/port"); here=$(net free)
${begin} & tunnel=$!
net reach ${ways}
net ask ${ways}
net ask ${ways}
quit $tunnel $echo`;
}

export const FORWARDING_DEEDS = deeds(
  {
    name: 'forward a port (-L)',
    about: 'A mebibyte through a local port, an end, and all of it back; twice.',
    words: ['tunnel'],
    script: through('tunnel -L 127.0.0.1:$here:127.0.0.1:$there', '$here'),
    says: ['echo right'],
  },
  {
    name: 'forward back (-R)',
    about: 'The same from the other side.',
    words: ['tunnel'],
    script: through('tunnel -R 127.0.0.1:$here:127.0.0.1:$there', '$here'),
    says: ['echo right'],
  },
  {
    name: 'SOCKS (-D)',
    about: 'The same through a SOCKS proxy.',
    words: ['tunnel'],
    script: through('tunnel -D 127.0.0.1:$here', '$here $there'),
    says: ['echo right'],
  },
  {
    name: 'forward to nobody',
    about:
      'A forward to a port that nobody listens on, and to a server that closes early: the tunnel goes on.',
    words: ['tunnel'],
    script: `serve echo "$LANE/home/port" & echo=$!
serve deaf "$LANE/home/deaf" & deaf=$!
wait_for "$LANE/home/port"; wait_for "$LANE/home/deaf"
one=$(net free); two=$(net free); three=$(net free); nobody=$(net free)
tunnel -L 127.0.0.1:$one:127.0.0.1:$nobody -L 127.0.0.1:$two:127.0.0.1:$(cat "$LANE/home/deaf") \\
  -L 127.0.0.1:$three:127.0.0.1:$(cat "$LANE/home/port") 2>/dev/null & tunnel=$!
for port in $one $two; do net ask $port | tail -n 1 | tr -d 0-9 | sed 's/^echo wrong/no echo/'; done
net ask $three
quit $tunnel $echo $deaf`,
    says: ['no echo:  bytes', 'echo right'],
  },
  {
    name: 'forward sockets',
    about: 'Unix sockets at both ends, both ways.',
    says: ['echo right'],
  },
  {
    name: 'agent forwarding',
    about: "A command there sees and uses the keys of this side's ssh-agent.",
    words: ['on_agent'],
    script: `eval "$(ssh-agent -a "$LANE/home/agent")" >/dev/null
ssh-add -q "$KEY"
on_agent 'ssh-add -l | cut -d " " -f 1,2; ssh-keygen -Y sign -n file -f '"$KEY.pub"' </dev/null 2>/dev/null | head -n 1'
kill $SSH_AGENT_PID`,
    says: ['-----BEGIN SSH SIGNATURE-----'],
  },
);

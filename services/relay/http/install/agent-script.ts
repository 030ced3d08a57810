// `/docs/agent.sh`: gets the agent for the platform at hand, checks it and runs it.
import { agentPath, downloadPath } from '#shared/protocol/paths.ts';
import { type ScriptInput, scriptFrom } from './script-parts.ts';

/**
 * The agent is a child and not this shell itself: the folder it runs from has to stay, for the commands of its sessions, and has to go
 * when it ends. A Ctrl-C reaches both; other signals are passed on.
 */
const BODY = `
# Sets folder, one from which programs may be started.
make_program_folder() {
  for base in "\${TMPDIR:-/tmp}" /tmp /var/tmp /dev/shm /run "\${HOME:-/}" .; do
    make_folder "$base" || continue
    printf '#!/bin/sh\\nexit 0\\n' >"$folder/trial" && chmod +x "$folder/trial" &&
      "$folder/trial" 2>/dev/null && return 0
    rm -rf "$folder"
    folder=
  done
  fail "no folder here takes a program (tried TMPDIR, /tmp, /var/tmp, /dev/shm, /run, HOME and this one); name one: TMPDIR=/some/folder"
}

# SIGNAL: it may come before the agent has started.
pass_on() {
  asked=$1
  woken=$1
  [ -z "$agent" ] || kill "-$1" "$agent" 2>/dev/null
}

# Whether the program runs on this machine at all; what it says itself is no matter.
starts() {
  "$program" --version >/dev/null
  [ "$?" -lt 126 ]
}

# Sets program, the agent that was asked for, or fails.
prepare() {
  find_platform
  find_program agent
  make_program_folder
  program=$folder/agent$ending
  fetch "$relay${downloadPath('$file')}" "$program"
  check "$program"
  chmod +x "$program"
}

case \${1-} in
  run)
    # A command that was to run in any case runs without the agent too.
    if program=$(
      trap '[ "$?" -eq 0 ] || [ -z "$folder" ] || rm -rf "$folder"' EXIT
      prepare >&2 && starts && printf %s "$program"
    ); then
      folder=\${program%/*}
    else
      while [ "$#" -gt 0 ] && [ "$1" != -- ]; do shift; done
      [ "$#" -gt 1 ] || exit 1
      say 'the command runs without Converge'
      shift
      exec "$@"
    fi
    ;;
  *) prepare ;;
esac

CONVERGE_URL=\${CONVERGE_URL:-$relay_ws${agentPath('').replace(/\/$/, '')}}
export CONVERGE_URL
agent=
asked=
trap 'woken=INT' INT
trap 'pass_on TERM' TERM
trap 'pass_on HUP' HUP
"$program" "$@" &
agent=$!
[ -z "$asked" ] || kill "-$asked" "$agent"
# A signal ends the wait, not the agent; a shell that took its code together with the signal has none left (127).
code=127
while :; do
  woken=
  wait "$agent"
  latest=$?
  [ "$latest" -eq 127 ] || code=$latest
  [ -n "$woken" ] || break
done
exit "$code"`;

export function agentScript(input: ScriptInput): string {
  const purpose = `gets the agent from ${input.http}, checks its SHA-256 and runs it; sh -s -- [options of the agent]`;
  return scriptFrom(purpose, input, BODY);
}

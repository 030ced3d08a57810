# What every script of a deed begins with. NEAR is the working directory; FAR is the folder on the other side, and since
# that is this machine too, results are looked at right there.
set -a
umask 022

# equal ONE OTHER: whether two files are the same, byte for byte.
equal() {
  if cmp -s -- "$1" "$2"; then echo "equal"; else echo "DIFFERENT: $(stat -c %s -- "$1" 2>&1) and $(stat -c %s -- "$2" 2>&1) bytes"; fi
}

# alike ONE OTHER: whether two folders hold the same names, kinds and contents.
alike() {
  if diff -r --no-dereference -- "$1" "$2" >"$LANE/diff" 2>&1; then echo "alike"; else
    echo "NOT ALIKE:"
    LC_ALL=C sort "$LANE/diff" | head -n 20
  fi
}

# code COMMAND…: runs it and says how it ended, on the script's own output wherever that of the command goes.
exec 3>&1
code() {
  "$@" 3>&-
  echo "code $?" >&3
}

# in_terminal ROWS COLUMNS COMMAND…: runs it at a terminal of that size, whose output goes to standard output.
in_terminal() {
  /usr/bin/python3 "$PROGRAMS/terminal.py" "$1" "$2" bash -c "${TERMINAL_SETTINGS-:}"'; "$@"' deed "${@:3}" </dev/null
}

# plain: takes a terminal's decoration away.
plain() {
  sed -u -e 's/\x1b\[[?0-9;]*[a-zA-Z]//g' -e 's/\r//g'
}

# net COMMAND…: small callers; see programs/net.py. `serve COMMAND…` is one of its servers, for the background.
net() {
  /usr/bin/python3 "$PROGRAMS/net.py" "$@"
}
serve() {
  exec /usr/bin/python3 "$PROGRAMS/net.py" "$@" 3>&-
}

# wait_for FILE: until it is there.
wait_for() {
  until [ -e "$1" ]; do sleep 0.05; done
}

# quit PID…: ends what was started in the background, and waits for it.
quit() {
  kill "$@" 2>/dev/null
  wait "$@" 2>/dev/null
  return 0
}

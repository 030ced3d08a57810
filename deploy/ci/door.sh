# The door of Converge: if what follows fails, somebody may come in before the job ends.
# CONVERGE_RELAY says where to; a job that succeeds asks nothing of it. These lines are the same in all of deploy/ci.
converge_get() { # URL: sets converge_text, by the first tool here that gets all of it
  for converge_tool in curl wget python3 perl; do
    command -v "$converge_tool" >/dev/null 2>&1 || continue
    case $converge_tool in
      curl) converge_text=$(curl -fsSL --connect-timeout 20 --max-time 60 "$1") ;;
      wget)
        case $(wget --help 2>&1) in *-T*) converge_text=$(wget -q -T 20 -t 2 -O - "$1") ;; *) converge_text=$(wget -q -O - "$1") ;; esac
        ;;
      python3) converge_text=$(python3 -c 'import sys, urllib.request as web; sys.excepthook = lambda kind, fault, trace: print("python3:", fault, file=sys.stderr); print(web.urlopen(sys.argv[1], timeout=20).read().decode())' "$1") ;;
      perl) converge_text=$(perl -MHTTP::Tiny -e 'my $got = HTTP::Tiny->new(timeout => 20, verify_SSL => 1)->get(shift); die "$got->{status} $got->{reason}\n" unless $got->{success}; print $got->{content}' "$1") ;;
    esac && return 0
  done
  return 1
}
converge_digest() { # sets converge_sum, the SHA-256 of converge_text
  for converge_tool in sha256sum 'shasum -a 256' 'openssl dgst -sha256 -r'; do
    converge_sum=$(printf '%s\n' "$converge_text" | sh -c "$converge_tool" 2>/dev/null | cut -c 1-64)
    [ -z "$converge_sum" ] || return 0
  done
  return 1
}
converge_refuse() { # CODE REASON
  printf 'converge: no door: %s; the job ends with %s, as without Converge\n' "$2" "$1" >&2
  exit "$1"
}
converge_end() { # CODE: ends with it, unless somebody who is in says `converge continue` or `converge fail`
  { trap - EXIT; set +eux; } 2>/dev/null
  case $1 in 0) exit 0 ;; 129 | 130 | 143) converge_refuse "$1" 'a signal ended it, as when a job is cancelled' ;; esac
  converge_page=$CONVERGE_RELAY/docs/agent.sh
  converge_get "$converge_page" || converge_refuse "$1" "cannot get $converge_page"
  case $converge_text in '#!/bin/sh'*) ;; *) converge_refuse "$1" "$converge_page is no script of a relay" ;; esac
  if [ -n "$CONVERGE_SHA256" ]; then
    converge_digest || converge_refuse "$1" 'nothing here can check a SHA-256'
    [ "$converge_sum" = "$CONVERGE_SHA256" ] ||
      converge_refuse "$1" "$converge_page has the SHA-256 $converge_sum and not the one that is pinned here; was the relay upgraded?"
  fi
  # Only the word lets a password in: an empty variable may be a secret that is missing.
  [ "$CONVERGE_ALLOW" != password ] || unset CONVERGE_ALLOW
  if [ -n "$CONVERGE_ID" ]; then
    CONVERGE_URL=$(printf %s "$CONVERGE_RELAY" | sed 's/^http/ws/')/agent/$CONVERGE_ID
    export CONVERGE_URL
  fi
  command -v sh >/dev/null 2>&1 || converge_refuse "$1" 'there is no sh here'
  # In the place of this shell, so that a signal for the job reaches those who are in.
  exec sh -c "$converge_text" converge run -- sh -c 'exit "$1"' sh "$1"
}
trap 'converge_end "$?"' EXIT

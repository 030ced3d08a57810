// Script parts: what `/docs/agent.sh` and `/docs/client.sh` do alike, in plain POSIX sh.
import { downloadPath } from '#shared/protocol/paths.ts';
import { shellQuoted } from '#shared/text/shell-quoted.ts';

/** What a script of this relay is made with. */
export interface ScriptInput {
  /** http(s)://HOST[:PORT][/prefix], without a slash at the end. */
  readonly http: string;
  /** The same with ws(s). */
  readonly ws: string;
  readonly programs: readonly ListedProgram[];
  /** Where wsproxy.mjs is to be had, if it is. */
  readonly anyNode: string | undefined;
}

/** One download; nothing in it means anything to a shell. */
export interface ListedProgram {
  readonly program: string;
  readonly platform: string;
  readonly fileName: string;
  /** In hex. */
  readonly sha256: string;
}

/**
 * The whole script, whose work is `body`. All of it is one command in braces, which a shell reads to the end before it runs any
 * of it: of a script that was cut nothing runs. Functions set variables instead of printing, so that `fail` ends the script.
 */
export function scriptFrom(purpose: string, { http, ws, programs }: ScriptInput, body: string): string {
  const list = programs.map(
    ({ program, platform, sha256, fileName }) => `${program} ${platform} ${sha256} ${fileName}\n`,
  );
  return `#!/bin/sh
# Converge: ${purpose}
# It is one command in braces: a shell that got a part of it runs nothing.
{
relay=${shellQuoted(http)}
relay_ws=${shellQuoted(ws)}
newline='
'
# What else there is for a platform without the program.
otherwise=
# PROGRAM PLATFORM SHA-256 FILE
programs="
${list.join('')}"
${PARTS}
${body}
}
`;
}

const PYTHON_FETCH = `import shutil, sys, urllib.request
try:
  shutil.copyfileobj(urllib.request.urlopen(sys.argv[1]), open(sys.argv[2], "wb"))
except Exception as error:
  sys.exit("python3: %s" % error)`;

const PERL_FETCH = `my $answer = HTTP::Tiny->new(verify_SSL => 1)->mirror(@ARGV);
$answer->{success} or die "perl: $answer->{status} $answer->{reason} $answer->{content}\\n"`;

const PYTHON_DIGEST = 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())';

const PERL_DIGEST = 'print Digest::SHA->new(256)->addfile(*STDIN)->hexdigest';

const PARTS = `
say() { printf 'converge: %s\\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Sets platform.
find_platform() {
  has uname || fail "cannot tell the platform, there is no uname here; take a file that $relay${downloadPath('SHA256SUMS')} lists"
  system=$(uname -s)
  machine=$(uname -m)
  case $system in
    Linux) system=linux ;;
    Darwin) system=darwin ;;
    MINGW* | MSYS* | CYGWIN* | Windows*) system=windows ;;
  esac
  case $machine in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
  esac
  case $system-$machine in
    # A shell that Rosetta runs says x86_64, on a processor that is another.
    darwin-x64) [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" != 1 ] || machine=arm64 ;;
    # Windows on ARM runs these.
    windows-*) machine=x64 ;;
  esac
  platform=$system-$machine
}

# PROGRAM: sets platforms, for which there is one.
list_platforms() {
  platforms=
  left=$programs
  while :; do
    case $left in
      *"$newline$1 "*) left=\${left#*"$newline$1 "} ;;
      *) break ;;
    esac
    platforms="$platforms\${platforms:+, }\${left%% *}"
  done
}

# PROGRAM: sets sha256, file and ending, or fails.
find_program() {
  entry=\${programs#*"$newline$1 $platform "}
  if [ "$entry" = "$programs" ]; then
    list_platforms "$1"
    fail "there is no $1 for $platform at $relay; there is $platforms$otherwise"
  fi
  entry=\${entry%%"$newline"*}
  sha256=\${entry%% *}
  file=\${entry#* }
  ending=
  case $file in *.exe) ending=.exe ;; esac
}

# URL FILE
fetch() {
  tried=
  for tool in curl wget python3 perl; do
    has "$tool" || continue
    tried="$tried\${tried:+, }$tool"
    rm -f "$2"
    case $tool in
      curl)
        # What is for macOS and Windows is a third of its size on the way, if this curl can unpack it.
        case $(curl -V 2>/dev/null) in
          *libz*) curl --compressed -fsSL -o "$2" "$1" ;;
          *) curl -fsSL -o "$2" "$1" ;;
        esac
        ;;
      wget) wget -q -O "$2" "$1" ;;
      python3) python3 -c '${PYTHON_FETCH}' "$1" "$2" ;;
      perl) perl -MHTTP::Tiny -e '${PERL_FETCH}' "$1" "$2" ;;
    esac && return 0
  done
  [ -n "$tried" ] || fail "there is no curl, wget, python3 or perl here to get $1 with; install one of them"
  fail "cannot get $1 (tried: $tried)"
}

# FILE: fails unless it has the digest sha256.
check() {
  for tool in sha256sum shasum openssl python3 perl; do
    has "$tool" || continue
    case $tool in
      sha256sum) found=$(sha256sum <"$1") ;;
      shasum) found=$(shasum -a 256 <"$1") ;;
      openssl) found=$(openssl dgst -sha256 -r <"$1") ;;
      python3) found=$(python3 -c '${PYTHON_DIGEST}' <"$1") ;;
      perl) found=$(perl -MDigest::SHA -e '${PERL_DIGEST}' <"$1") ;;
    esac || continue
    found=\${found%% *}
    [ "\${#found}" -eq 64 ] || continue
    [ "$found" = "$sha256" ] && return 0
    fail "refused: $relay${downloadPath('$file')} is another file than the one that this script is for (SHA-256 $found, not $sha256); if the relay was just upgraded, try again"
  done
  fail "there is no sha256sum, shasum, openssl, python3 or perl here to check the download with; install one of them"
}

# FOLDER: sets folder, a new one in it that others cannot enter.
make_folder() {
  if has mktemp; then
    folder=$(mktemp -d "$1/.converge.XXXXXX" 2>/dev/null) || { folder=; return 1; }
  else
    folder=$1/.converge.$$
    (umask 077 && mkdir "$folder") 2>/dev/null || { folder=; return 1; }
  fi
}

# zsh would take a trap in a function for that function's own.
folder=
trap '[ -z "$folder" ] || rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
`;

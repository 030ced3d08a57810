// PuTTY's command-line programs: plink, pscp and psftp.
import type { Client } from '../client.ts';

const HOST = '-batch -hostkey "$FINGERPRINT" -i "$PUTTY_KEY" -P "$PORT" -l "$USER"';
const BY_PASSWORD = '-batch -hostkey "$PASSWORD_FINGERPRINT" -P "$PASSWORD_PORT" -l "$USER"';

/** pscp puts a folder into one that is there, under its own name. */
function treesBy(pscp: string): Client['words'] {
  return {
    put_tree: `${pscp} ${HOST} -q -r -p "$1" "127.0.0.1:$(dirname "$2")/"`,
    get_tree: `mkdir "$2" && ${pscp} ${HOST} -q -r -p "127.0.0.1:$1" "$2/" && mv "$2" moving && mv moving/* "$2" && rmdir moving`,
  };
}

export const PUTTY: readonly Client[] = [
  {
    name: 'plink, pscp',
    packages: ['putty-tools'],
    noisy: true,
    // It stops at a link to nowhere, as psftp does, and takes what is behind a backslash for the name.
    says: { links: ['code 1'], 'odd names': ['code 0', 'NOT ALIKE:'] },
    words: {
      on: `plink ${HOST} -T 127.0.0.1 "$@"`,
      on_tty: `plink ${HOST} -t 127.0.0.1 "$@"`,
      login: `plink ${HOST} -t 127.0.0.1`,
      on_agent: `plink ${HOST} -A 127.0.0.1 "$@"`,
      tunnel: `exec plink ${HOST} -N "$@" 127.0.0.1`,
      with_password: `plink ${BY_PASSWORD} -pw "$PASSWORD" -T 127.0.0.1 "$@"`,
      put: `pscp ${HOST} -q "$1" "127.0.0.1:$2"`,
      get: `pscp ${HOST} -q "127.0.0.1:$1" "$2"`,
      ...treesBy('pscp'),
    },
  },
  {
    name: 'pscp -scp',
    packages: ['putty-tools'],
    noisy: true,
    says: { 'odd names': ['code 1', 'NOT ALIKE:'] },
    words: {
      put: `pscp -scp ${HOST} -q "$1" "127.0.0.1:$2"`,
      get: `pscp -scp ${HOST} -q "127.0.0.1:$1" "$2"`,
      ...treesBy('pscp -scp'),
    },
  },
  {
    name: 'psftp',
    packages: ['putty-tools'],
    noisy: true,
    says: { links: ['code 2'] },
    setup: `batch() { cat >"$LANE/home/batch"; psftp ${HOST} -b "$LANE/home/batch" 127.0.0.1; }
quoted() { printf '"%s"' "\${1//\\"/\\"\\"}"; }`,
    words: {
      put: 'echo "put $(quoted "$1") $(quoted "$2")" | batch >/dev/null',
      get: 'echo "get $(quoted "$1") $(quoted "$2")" | batch >/dev/null',
      put_tree: 'echo "put -r $(quoted "$1") $(quoted "$2")" | batch >/dev/null',
      get_tree: 'echo "get -r $(quoted "$1") $(quoted "$2")" | batch >/dev/null',
      put_rest: 'echo "reput $(quoted "$1") $(quoted "$2")" | batch >/dev/null',
      get_rest: 'echo "reget $(quoted "$1") $(quoted "$2")" | batch >/dev/null',
    },
    own: {
      'file system': `code batch <<EOF | sed -e 's/[A-Z][a-z][a-z] .[0-9] [0-9:]*/DATE/'
cd "$FAR"
mv small moved
mkdir folder
chmod 640 moved
put small folder/again
mv moved folder
rm folder/moved
ls
ls links
quit
EOF`,
    },
  },
];

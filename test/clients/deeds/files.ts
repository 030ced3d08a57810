// Deeds with files. NEAR and FAR are compared as trees afterwards, besides what the scripts say.
import { deeds } from '../deed.ts';

export const FILE_DEEDS = deeds(
  {
    name: 'put',
    about: 'A file of 20 MB, three times: a new one, over itself, over a longer one.',
    words: ['put'],
    near: ['large'],
    script: `code put large "$FAR/large"; equal large "$FAR/large"
code put large "$FAR/large"; equal large "$FAR/large"
head -c 30000000 /dev/zero >"$FAR/longer"
code put large "$FAR/longer"; equal large "$FAR/longer"`,
    says: ['code 0', 'equal'],
    limitSeconds: 120,
  },
  {
    name: 'get',
    about: 'The same the other way.',
    words: ['get'],
    far: ['large'],
    script: `code get "$FAR/large" large; equal large "$FAR/large"
code get "$FAR/large" large; equal large "$FAR/large"
head -c 30000000 /dev/zero >longer
code get "$FAR/large" longer; equal longer "$FAR/large"`,
    says: ['code 0', 'equal'],
    limitSeconds: 120,
  },
  {
    name: 'sizes',
    about: 'Files of 0 bytes to 64 MiB and about the sizes of buffers, there and back.',
    words: ['put', 'get'],
    near: ['large'],
    script: `for size in 0 1 32767 32768 32769 262144 1048577 67108864; do
  head -c $size <(cat large large large large) >one
  put one "$FAR/one" && get "$FAR/one" two || echo "failed with $size"
  equal one two; rm -f two
done`,
    says: ['equal'],
    limitSeconds: 120,
  },
  {
    name: 'errors',
    about:
      'What is not there, what is a folder, where nothing can be written: the exit code, and that nothing is left.',
    words: ['put', 'get'],
    near: ['small'],
    far: ['small'],
    script: `get "$FAR/absent" here 2>/dev/null >&2 && echo 'GOT' || echo "not got"
put small "$FAR/no/such/folder/x" 2>/dev/null >&2 && echo 'PUT' || echo "not put"
put small /proc/1/no 2>/dev/null >&2 && echo 'PUT' || echo "not put"
put absent "$FAR/absent" 2>/dev/null >&2 && echo 'PUT' || echo "not put"
code put small "$FAR/after"`,
    says: ['not got', 'not put', 'code 0'],
  },
  {
    name: 'full disk',
    about: 'A file of 20 MB to a disk of one: the client is told, and what fits comes afterwards.',
    words: ['put'],
    near: ['large', 'small'],
    script: `put large "$DISK/large" >out 2>&1 && echo 'SAYS IT FITS' || echo 'did not fit'
rm -f out "$DISK/large"
# The server may still have it open.
until [ "$(df --output=used "$DISK" | tail -n 1)" -eq 0 ]; do sleep 0.1; done
put small "$DISK/small"; equal small "$DISK/small"`,
    says: ['did not fit', 'equal'],
  },
  {
    name: 'put 2,000 files',
    about: 'A tree of 2,000 small files in 20 folders.',
    words: ['put_tree'],
    near: ['tree'],
    script: `code put_tree tree "$FAR/tree"; alike tree "$FAR/tree"`,
    says: ['code 0', 'alike'],
    limitSeconds: 180,
  },
  {
    name: 'get 2,000 files',
    about: 'The same the other way.',
    words: ['get_tree'],
    far: ['tree'],
    script: `code get_tree "$FAR/tree" tree; alike tree "$FAR/tree"`,
    says: ['code 0', 'alike'],
    limitSeconds: 180,
  },
  {
    name: 'times and modes',
    about: 'What is kept of times and modes, both ways.',
    words: ['put_tree', 'get_tree'],
    near: ['wide'],
    script: `code put_tree wide "$FAR/wide"; code get_tree "$FAR/wide" back`,
    says: ['code 0'],
  },
  {
    name: 'odd names',
    about: 'Blanks, quotes, a line end, UTF-8, Latin-1, a leading dash: a tree of them both ways.',
    words: ['put_tree', 'get_tree'],
    near: ['odd'],
    script: `code put_tree odd "$FAR/odd"; code get_tree "$FAR/odd" back; alike odd "$FAR/odd"; alike odd back`,
    says: ['code 0', 'alike'],
  },
  {
    name: 'links',
    about: 'A tree with symbolic and hard links, both ways.',
    words: ['put_tree', 'get_tree'],
    near: ['links'],
    script: `put_tree links "$FAR/links" >out 2>&1; echo "code $?"; get_tree "$FAR/links" back >out 2>&1; echo "code $?"; rm out
if [ -e "$FAR/links/file" ] && [ -e back/file ]; then echo 'both ways'; fi`,
    says: ['both ways'],
  },
  {
    name: 'resume a put',
    about: 'A file of which the first 7 MB have arrived.',
    words: ['put_rest'],
    near: ['large'],
    script: `head -c 7000001 large >"$FAR/large"; code put_rest large "$FAR/large"; equal large "$FAR/large"`,
    says: ['code 0', 'equal'],
  },
  {
    name: 'resume a get',
    about: 'The same the other way.',
    words: ['get_rest'],
    far: ['large'],
    script: `head -c 7000001 "$FAR/large" >large; code get_rest "$FAR/large" large; equal large "$FAR/large"`,
    says: ['code 0', 'equal'],
  },
  {
    name: 'file system',
    about:
      "Rename, links, modes, times, folders, listings and the disk's size, in the client's own commands.",
    near: ['small'],
    far: ['small', 'links'],
    says: ['code 0'],
  },
);

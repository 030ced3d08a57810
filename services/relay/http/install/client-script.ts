// `/docs/client.sh`: puts wsproxy and tcptows for the platform at hand into a folder, checked.
import { clientPath, downloadPath } from '#shared/protocol/paths.ts';
import { shellQuoted } from '#shared/text/shell-quoted.ts';
import { type ScriptInput, scriptFrom } from './script-parts.ts';

/** Both or neither: what is in the folder already stays until both are checked. */
const BODY = `
target=\${1:-.}
[ -d "$target" ] || mkdir -p "$target" || fail "cannot make the folder $target; name another: sh -s -- FOLDER"
find_platform
find_program wsproxy
find_program tcptows
make_folder "$target" || fail "cannot write into the folder $target; name another: sh -s -- FOLDER"
for program in wsproxy tcptows; do
  find_program "$program"
  fetch "$relay${downloadPath('$file')}" "$folder/$program"
  check "$folder/$program"
  chmod +x "$folder/$program"
done
for program in wsproxy tcptows; do
  mv -f "$folder/$program" "$target/$program$ending" || fail "cannot put $program into $target"
done
case $target in
  /* | . | ./* | ../*) start=$target ;;
  *) start=./$target ;;
esac
printf '%s\\n' "wsproxy and tcptows are in $target. Next, with the URL of the job log:" \\
  "  $start/wsproxy$ending ssh '$relay_ws${clientPath('ID')}'"`;

export function clientScript(input: ScriptInput): string {
  const purpose = `puts wsproxy and tcptows from ${input.http} into this folder, checked; sh -s -- [FOLDER]`;
  const { anyNode } = input;
  if (anyNode === undefined) return scriptFrom(purpose, input, BODY);
  const otherwise = `; with Node 20 or newer take ${anyNode}: node wsproxy.mjs ssh URL`;
  return scriptFrom(purpose, input, `otherwise=${shellQuoted(otherwise)}${BODY}`);
}

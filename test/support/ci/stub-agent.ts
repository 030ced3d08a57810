// A stand-in for the agent of `agent run`: it says what it was given, and then what somebody in there would have said.
import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The contract: COMMAND runs, and its code is the end, unless somebody says `continue` (0) or `fail N` (N). What they
 * say is in CONVERGE_ALLOW, which also gets into containers.
 */
const STUB = `#!/bin/sh
printf 'stub'
printf ' <%s>' "$@"
printf '\\n'
printf 'stub %s=<%s>\\n' url "$CONVERGE_URL" allow "\${CONVERGE_ALLOW-unset}" lifetime "$CONVERGE_MAX_LIFETIME" here "$PWD"
while [ "$#" -gt 0 ] && [ "$1" != -- ]; do shift; done
[ "$#" -gt 0 ] || exit 0
shift
"$@"
code=$?
case $CONVERGE_ALLOW in
  continue) exit 0 ;;
  fail-*) exit "\${CONVERGE_ALLOW#fail-}" ;;
esac
exit "$code"
`;

/** A folder of downloads with it, below `folder`. */
export async function makeStubDownloads(folder: string): Promise<string> {
  const made = await mkdtemp(join(folder, 'downloads-'));
  const name = `agent-${process.platform}-${process.arch}`;
  await writeFile(join(made, name), STUB);
  const digest = createHash('sha256').update(STUB).digest('hex');
  await writeFile(join(made, 'SHA256SUMS'), `${digest}  ${name}\n`);
  return made;
}

// The version that the client programs print.
import manifest from '../../../package.json' with { type: 'json' };

export const VERSION: string = manifest.version;

/** The build puts it into a file that is not a whole program: that file's name (deploy/build/script-bundle.ts). */
declare const CONVERGE_SCRIPT: string;

/** What `--version` prints: the version; for a script also which one it is, and what it runs on. */
export function versionText(): string {
  if (typeof CONVERGE_SCRIPT === 'undefined') return VERSION;
  return `${VERSION} (${CONVERGE_SCRIPT} on Node ${process.versions.node}, ${process.platform}-${process.arch})`;
}

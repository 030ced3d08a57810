// Paths of Windows as SFTP clients write them: `/C:/work/file`, `//server/share/file`, and `/`, where the drives are.
import { win32 } from 'node:path';
import { PathError } from '../job-files.ts';

/**
 * Where the drives are: no folder of Windows, which has none there. To calls of the system it is the root of the drive that
 * about every Windows has; no path that comes from elsewhere looks like it.
 */
export const DRIVES = 'C:\\.';

const DRIVE = /^[A-Za-z]:$/;
/** Node gives long paths to Windows in the form that has no limit, and there these would be names like others. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i;
const BAD_CHARACTERS = /[<>:"|?*]/;
const LAST_CONTROL = 0x1f;

/** Where a path begins, and the names that lead on from there. */
interface Place {
  /** `C:\`, `\\server\share\`, or undefined for the drives. */
  readonly root: string | undefined;
  readonly names: readonly string[];
}

/** What a client sees of an absolute path of Windows. */
export function shownPath(path: string): string {
  if (path === DRIVES) return '/';
  const plain = path.replace(/^\\\\\?\\UNC\\/i, '\\\\').replace(/^\\\\\?\\/, '');
  const slashed = plain.replaceAll('\\', '/');
  return slashed.startsWith('//') ? slashed : `/${slashed}`;
}

/**
 * The path of Windows that a client means; `cwd`, as it is shown, is where a relative one begins. Both kinds of slashes separate
 * names, and `C:/work` is as good as `/C:/work`, as in Win32-OpenSSH. `/work` is on the drive of `cwd`.
 * @throws PathError for names that no file can have
 */
export function windowsPathFrom(path: string, cwd: string): string {
  const place = placeOf(path.replaceAll('\\', '/'), cwd);
  let { root } = place;
  const kept: string[] = [];
  for (const name of place.names) {
    if (name === '' || name === '.') continue;
    if (DRIVE.test(name)) {
      // No file has this name: it is what comes of `cd C:/` in a client that puts its own directory in front.
      root = driveRoot(name);
      kept.length = 0;
    } else if (name === '..') {
      if (kept.pop() === undefined && !isShare(root)) root = undefined;
    } else {
      if (root === undefined)
        throw new PathError(`there are only drives in /, and ${JSON.stringify(name)} is none`);
      requireName(name);
      kept.push(name);
    }
  }
  return root === undefined ? DRIVES : root + kept.join('\\');
}

/** The text of a symbolic link as Windows takes it. @throws PathError */
export function windowsTargetFrom(target: string, cwd: string): string {
  const slashed = target.replaceAll('\\', '/');
  if (slashed.startsWith('/') || DRIVE.test(slashed.slice(0, 2))) return windowsPathFrom(slashed, cwd);
  for (const name of slashed.split('/')) if (name !== '' && !/^\.{1,2}$/.test(name)) requireName(name);
  return slashed.replaceAll('/', '\\');
}

/** What a client sees of the text of a symbolic link. */
export function shownTarget(target: string): string {
  return win32.isAbsolute(target) ? shownPath(target) : target.replaceAll('\\', '/');
}

function placeOf(path: string, cwd: string): Place {
  const isRelative = !path.startsWith('/') && !DRIVE.test(path.split('/')[0] ?? '');
  const whole = isRelative ? `${cwd.replace(/\/$/, '')}/${path}` : path;
  // Without a drive: `/work`.
  return rootedPlace(whole) ?? { root: rootedPlace(cwd)?.root, names: path.split('/') };
}

/** Of a path that says where it begins. */
function rootedPlace(path: string): Place | undefined {
  const [first = '', second = '', server = '', share = '', ...names] = path.split('/');
  if (DRIVE.test(first)) return { root: driveRoot(first), names: path.split('/').slice(1) };
  if (DRIVE.test(second)) return { root: driveRoot(second), names: path.split('/').slice(2) };
  // `server` and `share` are one root.
  if (first === '' && second === '' && server !== '' && share !== '' && !DRIVE.test(server)) {
    requireName(server);
    requireName(share);
    return { root: `\\\\${server}\\${share}\\`, names };
  }
  return /^[/.]*$/.test(path) ? { root: undefined, names: [] } : undefined;
}

function driveRoot(drive: string): string {
  return `${drive.toUpperCase()}\\`;
}

function isShare(root: string | undefined): boolean {
  return root?.startsWith('\\\\') === true;
}

function requireName(name: string): void {
  const hasControls = Array.from(name, (character) => character.charCodeAt(0)).some(
    (code) => code <= LAST_CONTROL,
  );
  const isPossible = !BAD_CHARACTERS.test(name) && !hasControls && !/[. ]$/.test(name) && !DEVICE.test(name);
  if (!isPossible) throw new PathError(`Windows has no files of the name ${JSON.stringify(name)}`);
}

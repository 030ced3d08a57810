// Paths in the job: `/` between segments, and no segment of ours leads anywhere else.

/** `name` in `folder`. */
export function pathIn(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** The folder that holds what an absolute path leads to. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** True for a name that a file may have: one segment, that is not the folder itself or the one above. */
export function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}

export interface Crumb {
  readonly name: string;
  readonly path: string;
}

/** The folders on the way to an absolute path, from the root on. */
export function crumbsOf(path: string): readonly Crumb[] {
  const names = path.split('/').filter((name) => name !== '');
  return [
    { name: '/', path: '/' },
    ...names.map((name, index) => ({ name, path: `/${names.slice(0, index + 1).join('/')}` })),
  ];
}

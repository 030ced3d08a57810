// Temporary folders: where to put what must be a file, in whatever image this runs.

/** Where the launcher looks as well (deploy/launcher/folder.c). /dev/shm and /run can be written to in many a read-only container. */
export const USUAL_TEMPORARY_FOLDERS = ['/tmp', '/var/tmp', '/dev/shm', '/run'] as const;

/** Folders to try, one after another: first the one that the system prefers (`os.tmpdir()`). None of them need be there. */
export function temporaryFolders(preferred: string): readonly string[] {
  return [...new Set([preferred, ...USUAL_TEMPORARY_FOLDERS])];
}

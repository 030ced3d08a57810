// TLS on the public listener: the certificate from files, read again when they change.
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server } from 'node:https';

/** How often the files are looked at, in milliseconds: certificates change every few weeks. */
const POLL_EVERY_MS = 10_000;

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Certificate and key. Throws what the file system says, with the path in it. */
export function readTlsFiles({ certFile, keyFile }: TlsFiles): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

/** Gives `server` the new certificate whenever a file changes. The result stops it and may be called twice. */
export function reloadTlsFiles(
  server: Server,
  files: TlsFiles,
  onOutcome: (error: unknown) => void,
): () => void {
  const reload = (): void => {
    try {
      server.setSecureContext(readTlsFiles(files));
      onOutcome(undefined);
    } catch (error) {
      // Half-written files: the next change comes soon, until then the old certificate serves.
      onOutcome(error);
    }
  };
  const paths = [files.certFile, files.keyFile];
  for (const path of paths) watchFile(path, { interval: POLL_EVERY_MS, persistent: false }, reload);
  return () => {
    for (const path of paths) unwatchFile(path, reload);
  };
}

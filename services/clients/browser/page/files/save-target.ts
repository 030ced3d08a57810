// Save targets: where a download goes. A file that the browser lets us write, or one that it saves when all of it is there.
import { MAX_HELD_DOWNLOAD_BYTES } from '../dom/limits.ts';
import type { SaveTarget } from './transfer.ts';

/** Up to this, in bytes, the folder of downloads is what people expect, and no question where to. */
const MAX_UNASKED_BYTES = 67_108_864;

type PickFile = (options: { readonly suggestedName: string }) => Promise<FileSystemFileHandle>;

/**
 * Asks the person where to, if there is more than a little (`size` undefined: nobody knows). Undefined when they cancel.
 * Must be called in answer to a click.
 */
export async function openSaveTarget(
  name: string,
  size: number | undefined,
): Promise<SaveTarget | undefined> {
  const pick = 'showSaveFilePicker' in window ? (window.showSaveFilePicker as PickFile) : undefined;
  const isLittle = size !== undefined && size <= MAX_UNASKED_BYTES;
  if (isLittle || pick === undefined) {
    if ((size ?? 0) > MAX_HELD_DOWNLOAD_BYTES)
      throw new Error(
        'this browser lets no page write files: more than 1 GB must go another way, such as ./wsproxy sftp',
      );
    return heldTarget(name);
  }
  try {
    const handle = await pick({ suggestedName: name });
    return fileTarget(await handle.createWritable());
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

function fileTarget(file: FileSystemWritableFileStream): SaveTarget {
  return {
    write: (bytes) => file.write(new Uint8Array(bytes)),
    finish: () => file.close(),
    discard: () => file.abort().catch(() => undefined),
  };
}

function heldTarget(name: string): SaveTarget {
  // Blobs of a few megabytes: a browser may keep those on disk.
  let parts: BlobPart[] = [];
  let held = 0;
  return {
    write(bytes) {
      held += bytes.length;
      if (held > MAX_HELD_DOWNLOAD_BYTES)
        return Promise.reject(new Error('it has more than 1 GB, which this browser cannot take'));
      parts.push(new Uint8Array(bytes));
      if (parts.length >= 128) parts = [new Blob(parts)];
      return Promise.resolve();
    },
    finish() {
      saveBlob(new Blob(parts, { type: 'application/octet-stream' }), name);
      parts = [];
      return Promise.resolve();
    },
    discard() {
      parts = [];
      return Promise.resolve();
    },
  };
}

/** It is never shown, whatever it holds: its type says that nothing runs it. */
function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

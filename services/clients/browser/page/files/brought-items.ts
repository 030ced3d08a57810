// Brought items: what somebody has dropped onto the page, files one by one and folders.
import { droppedFolder, type LocalFolder } from './local-folder.ts';

export interface BroughtItems {
  readonly files: readonly File[];
  readonly folders: readonly LocalFolder[];
}

/** Of a drop. Must be called while the event is handled: a browser lets nobody look later. */
export function droppedItems(event: DragEvent): BroughtItems {
  const files: File[] = [];
  const folders: LocalFolder[] = [];
  for (const item of event.dataTransfer?.items ?? []) {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry() : null;
    const file = item.getAsFile();
    if (entry?.isDirectory === true) folders.push(droppedFolder(entry as FileSystemDirectoryEntry));
    else if (file !== null) files.push(file);
  }
  return { files, folders };
}

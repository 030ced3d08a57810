// Dropped files: what somebody has dragged onto the page, without folders, which a browser hands out as empty files.
import { announce } from '../dom/announcer.ts';

export function droppedFiles(event: DragEvent): readonly File[] {
  const items = [...(event.dataTransfer?.items ?? [])];
  const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry()?.isDirectory === true;
  const folders = items.filter(isFolder).length;
  if (folders > 0) announce('Folders are not uploaded: drop the files in them, or a tar.');
  return items.flatMap((item) => (isFolder(item) ? [] : (item.getAsFile() ?? [])));
}

// The files panel: folders of the job, what can be done with them, and transfers.
import type { Job } from '../../job/job.ts';
import type { FolderEntry, PageFiles } from '../../job/job-files.ts';
import { announce } from '../dom/announcer.ts';
import { button, element, iconButton } from '../dom/element.ts';
import { askForText, askToChoose } from '../dom/question.ts';
import { visibleText } from '../dom/visible-text.ts';
import { type BroughtItems, droppedItems } from './brought-items.ts';
import { faultSentence } from './file-text.ts';
import { viewFile } from './file-viewer.ts';
import { FilesChannel, type FilesOpener } from './files-channel.ts';
import { folderUploadOf } from './folder-upload.ts';
import { FolderView } from './folder-view.ts';
import { type LocalFolder, pickedFolder } from './local-folder.ts';
import { crumbsOf, isFileName, pathIn } from './path.ts';
import { openSaveTarget } from './save-target.ts';
import { downloadOf, folderDownloadOf, uploadOf } from './transfer.ts';
import { TransferList } from './transfer-list.ts';

export interface FilesPanelOptions {
  readonly close: () => void;
}

/** Opens no channel before it is shown. */
export class FilesPanel {
  readonly root: HTMLElement;
  readonly #crumbs = element('nav', { class: 'crumbs', 'aria-label': 'Folder' });
  readonly #view: FolderView;
  readonly #transfers: TransferList;
  readonly #picker = element('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    'aria-label': 'Files to upload',
  });
  readonly #folderPicker = element('input', {
    type: 'file',
    webkitdirectory: true,
    hidden: true,
    'aria-label': 'Folder to upload',
  });
  #job: Job | undefined;
  readonly #looking = new FilesChannel(() => this.#opener());
  /** Transfers have a channel of their own: what a person looks at does not wait behind them. */
  readonly #moving = new FilesChannel(() => this.#opener());
  #path: string | undefined;
  /** Of the text that is open. */
  #isUnsaved: (() => boolean) | undefined;

  constructor({ close }: FilesPanelOptions) {
    this.#view = new FolderView({
      open: (entry) => void this.#guard(this.#open(entry)),
      download: (entry) => void this.#guard(this.#download(entry)),
      rename: (entry) => void this.#guard(this.#rename(entry)),
      remove: (entry) => void this.#guard(this.#remove(entry)),
    });
    this.#transfers = new TransferList({
      files: () => this.#moving.files(),
      uploaded: () => void this.refresh(),
    });
    this.#picker.addEventListener('change', () => {
      const files = [...(this.#picker.files ?? [])];
      this.#picker.value = '';
      void this.#guard(this.#upload({ files, folders: [] }));
    });
    this.#folderPicker.addEventListener('change', () => {
      const folder = pickedFolder([...(this.#folderPicker.files ?? [])]);
      this.#folderPicker.value = '';
      if (folder === undefined) announce('The browser hands over nothing of that folder: it has no files.');
      else void this.#guard(this.#upload({ files: [], folders: [folder] }));
    });
    const tools = element(
      'div',
      { class: 'tools', role: 'toolbar', 'aria-label': 'Files' },
      iconButton('up', 'Folder above', () => void this.#guard(this.#goUp())),
      iconButton('refresh', 'Look again', () => void this.refresh()),
      iconButton('folderPlus', 'New folder', () => void this.#guard(this.#makeFolder())),
      iconButton('download', 'Download this folder as a tar', () => void this.#guard(this.#downloadFolder())),
      iconButton('folderUp', 'Upload a folder', () => this.#folderPicker.click(), {
        class: 'icon last',
        hidden: !('webkitdirectory' in this.#folderPicker),
      }),
      button('Upload', () => this.#picker.click(), { class: 'main' }),
      iconButton('close', 'Close the files', close),
    );
    this.root = element(
      'aside',
      { class: 'files', 'aria-label': 'Files of the job', hidden: true, tabindex: -1 },
      tools,
      this.#crumbs,
      this.#view.root,
      this.#transfers.root,
      this.#picker,
      this.#folderPicker,
    );
    this.#takeDrops();
  }

  /** Whether something is lost with the page: a transfer, or a text that is not saved. */
  get isBusy(): boolean {
    return this.#transfers.isBusy || this.#isUnsaved?.() === true;
  }

  /** The job that is open now; after a loss, another one. Transfers go on. */
  use(job: Job): void {
    this.#job = job;
    this.#looking.forget();
    this.#moving.forget();
    this.#transfers.resume();
    if (!this.root.hidden) void this.refresh();
  }

  show(): void {
    this.root.hidden = false;
    this.root.focus();
    void this.refresh();
  }

  hide(): void {
    this.root.hidden = true;
  }

  /** Reads the folder again. Never rejects. */
  async refresh(): Promise<void> {
    try {
      const files = await this.#lookingFiles();
      const path = (this.#path ??= await files.realPath('.'));
      const folder = await files.list(path);
      if (this.#path !== path) return;
      this.#showCrumbs(path);
      this.#view.show(folder);
    } catch (error) {
      this.#view.say(`This folder cannot be shown: ${faultSentence(error)}.`);
    }
  }

  #lookingFiles(): Promise<PageFiles> {
    return this.#looking.files();
  }

  #opener(): FilesOpener {
    const job = this.#job;
    return job && (() => job.openFiles());
  }

  #showCrumbs(path: string): void {
    const crumbs = crumbsOf(path);
    this.#crumbs.replaceChildren(
      ...crumbs.map(({ name, path: to }, index) =>
        button(element('bdi', {}, visibleText(name, 60)), () => void this.#go(to), {
          'aria-current': index === crumbs.length - 1 ? 'page' : undefined,
        }),
      ),
    );
    this.#crumbs.lastElementChild?.scrollIntoView({ block: 'nearest' });
  }

  async #go(path: string): Promise<void> {
    this.#path = path;
    await this.refresh();
  }

  async #goUp(): Promise<void> {
    const above = crumbsOf(this.#path ?? '/').at(-2);
    if (above !== undefined) await this.#go(above.path);
  }

  async #open(entry: FolderEntry): Promise<void> {
    const path = this.#pathOf(entry);
    const files = await this.#lookingFiles();
    const kind = entry.kind === 'link' ? (await files.stat(path)).kind : entry.kind;
    if (kind === 'folder') return await this.#go(await files.realPath(path));
    const name = entry.name.rawTextToParse();
    const isSaved = await viewFile({
      files: () => this.#lookingFiles(),
      path,
      name,
      download: () => void this.#guard(this.#download(entry)),
      editing: (isUnsaved) => {
        this.#isUnsaved = isUnsaved;
      },
    });
    if (isSaved) await this.refresh();
  }

  async #download(entry: FolderEntry): Promise<void> {
    const path = this.#pathOf(entry);
    const name = savedName(entry.name.rawTextToParse());
    if (entry.kind === 'folder') return await this.#downloadTree(path, name);
    const size = entry.kind === 'file' ? entry.size : (await (await this.#lookingFiles()).stat(path)).size;
    const target = await openSaveTarget(name, size);
    if (target !== undefined) this.#transfers.add(downloadOf(path, { name, size, target }));
  }

  async #downloadFolder(): Promise<void> {
    const path = this.#path ?? '/';
    await this.#downloadTree(path, savedName(crumbsOf(path).at(-1)?.name ?? ''));
  }

  async #downloadTree(path: string, name: string): Promise<void> {
    const target = await openSaveTarget(`${name}.tar`, undefined);
    if (target !== undefined) this.#transfers.add(folderDownloadOf(path, name, target));
  }

  async #upload(brought: BroughtItems): Promise<void> {
    const files = await this.#lookingFiles();
    // Somebody may be quicker than the first look at the folder.
    const folder = (this.#path ??= await files.realPath('.'));
    const { entries } = await files.list(folder);
    const names = new Set(entries.map(({ name }) => name.rawTextToParse()));
    const taken = brought.files.filter(({ name }) => names.has(name));
    if (taken.length > 0 && !(await this.#mayReplace(taken))) return;
    const merged = brought.folders.filter(({ name }) => names.has(name));
    if (merged.length > 0 && !(await this.#mayMerge(merged))) return;
    for (const file of brought.files) this.#transfers.add(uploadOf(file, pathIn(folder, file.name)));
    for (const local of brought.folders) this.#transfers.add(folderUploadOf(local, folder));
  }

  async #mayMerge(merged: readonly LocalFolder[]): Promise<boolean> {
    const first = visibleText(merged[0]?.name ?? '', 60);
    const answer = await askToChoose<'merge'>({
      title: merged.length === 1 ? `Upload into ${first}?` : `Upload into ${merged.length} folders?`,
      said: ['It is there already. Files of the same name in it are replaced, all others stay.'],
      choices: [{ label: 'Upload into it', answer: 'merge', isMain: true }],
    });
    return answer === 'merge';
  }

  async #mayReplace(taken: readonly File[]): Promise<boolean> {
    const first = visibleText(taken[0]?.name ?? '', 60);
    const what = taken.length === 1 ? first : `${taken.length} files`;
    const answer = await askToChoose<'replace'>({
      title: `Replace ${what}?`,
      said: [`The folder has something of ${taken.length === 1 ? 'that name' : 'these names'} already.`],
      choices: [{ label: 'Replace', answer: 'replace', isMain: true }],
    });
    return answer === 'replace';
  }

  async #makeFolder(): Promise<void> {
    const name = await askForText('New folder', { label: 'Name', submit: 'Make it' });
    const path = this.#path;
    if (name === undefined || path === undefined) return;
    if (!isFileName(name)) return announce('That is no name of a folder.');
    await (await this.#lookingFiles()).makeFolder(pathIn(path, name));
    await this.refresh();
  }

  async #rename(entry: FolderEntry): Promise<void> {
    const value = entry.name.rawTextToParse();
    const name = await askForText('Rename', { label: 'New name', value, submit: 'Rename' });
    const folder = this.#path;
    if (name === undefined || name === value || folder === undefined) return;
    if (!isFileName(name)) return announce('That is no name of a file.');
    await (await this.#lookingFiles()).rename(this.#pathOf(entry), pathIn(folder, name));
    await this.refresh();
  }

  async #remove(entry: FolderEntry): Promise<void> {
    const name = visibleText(entry.name.rawTextToParse(), 60);
    const answer = await askToChoose<'delete'>({
      title: `Delete ${name}?`,
      said: [entry.kind === 'folder' ? 'Only an empty folder can be deleted here.' : 'It is gone then.'],
      choices: [{ label: 'Delete', answer: 'delete', isMain: true }],
    });
    if (answer !== 'delete') return;
    const files = await this.#lookingFiles();
    const path = this.#pathOf(entry);
    await (entry.kind === 'folder' ? files.removeFolder(path) : files.removeFile(path));
    await this.refresh();
  }

  #pathOf(entry: FolderEntry): string {
    return pathIn(this.#path ?? '/', entry.name.rawTextToParse());
  }

  #takeDrops(): void {
    const { root } = this;
    const mark = (event: DragEvent, isOver: boolean): void => {
      event.preventDefault();
      root.classList.toggle('drop', isOver);
    };
    root.addEventListener('dragover', (event) => mark(event, true));
    root.addEventListener('dragleave', (event) => mark(event, false));
    root.addEventListener('drop', (event) => {
      mark(event, false);
      void this.#guard(this.#upload(droppedItems(event)));
    });
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      announce(`That did not work: ${faultSentence(error)}.`);
    }
  }
}

/** What a browser may take for a path, or for nothing, is not in it. */
function savedName(name: string): string {
  const harmless = visibleText(name, 120)
    .replaceAll(/[/\\:*?"<>|]/g, '_')
    .replace(/^\.+/, '_');
  return harmless === '' || harmless === '_' ? 'files' : harmless;
}

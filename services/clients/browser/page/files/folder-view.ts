// The folder view: what is in one folder of the job, as a table.
import type { Folder, FolderEntry } from '../../job/job-files.ts';
import { button, element, type IconName, icon, iconButton } from '../dom/element.ts';
import { MAX_SHOWN_ROWS } from '../dom/limits.ts';
import { visibleText } from '../dom/visible-text.ts';
import { sizeText, timeText } from './file-text.ts';

const MAX_NAME_CHARACTERS = 120;

const ICONS: Readonly<Record<FolderEntry['kind'], IconName>> = {
  file: 'file',
  folder: 'files',
  link: 'link',
  other: 'file',
};

export interface FolderViewOptions {
  readonly open: (entry: FolderEntry) => void;
  readonly download: (entry: FolderEntry) => void;
  readonly rename: (entry: FolderEntry) => void;
  readonly remove: (entry: FolderEntry) => void;
}

export class FolderView {
  readonly root = element('div', { class: 'folder' });
  readonly #options: FolderViewOptions;

  constructor(options: FolderViewOptions) {
    this.#options = options;
  }

  show({ entries, isWhole }: Folder): void {
    const sorted = entries.toSorted(byKindAndName);
    const rows = sorted.slice(0, MAX_SHOWN_ROWS).map((entry) => this.#rowOf(entry));
    const heads = ['Name', 'Size', 'Changed', ''].map((text) => element('th', { scope: 'col' }, text));
    const table = element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...heads)),
      element('tbody', {}, ...rows),
    );
    const isCut = !isWhole || entries.length > MAX_SHOWN_ROWS;
    this.root.replaceChildren(
      entries.length === 0 ? element('p', { class: 'hint' }, 'Nothing is in this folder.') : table,
      isCut ? element('p', { class: 'hint' }, `These are the first ${rows.length}; there are more.`) : '',
    );
  }

  say(sentence: string): void {
    this.root.replaceChildren(element('p', { class: 'hint', role: 'alert' }, sentence));
  }

  #rowOf(entry: FolderEntry): HTMLTableRowElement {
    const { kind, isReachable, modifiedMs, size } = entry;
    const name = visibleText(entry.name.rawTextToParse(), MAX_NAME_CHARACTERS);
    const isOpened = isReachable && kind !== 'other';
    const label = [icon(ICONS[kind]), element('bdi', {}, name)] as const;
    const handle = isOpened
      ? button(undefined, () => this.#options.open(entry), { class: 'name', title: name })
      : element('span', { class: 'name', title: name });
    handle.append(...label);
    const actions = isReachable ? this.#actionsOf(entry, name) : [];
    return element(
      'tr',
      {},
      element('td', {}, handle),
      element('td', {}, kind === 'file' && size !== undefined ? sizeText(size) : ''),
      element('td', {}, modifiedMs === undefined ? '' : timeText(modifiedMs, Date.now())),
      element('td', { class: 'row-actions' }, ...actions),
    );
  }

  #actionsOf(entry: FolderEntry, name: string): readonly HTMLElement[] {
    const { download, remove, rename } = this.#options;
    const menu = element('div', { popover: true, class: 'menu', role: 'group', 'aria-label': name });
    const choose = (act: (entry: FolderEntry) => void) => () => {
      menu.hidePopover();
      act(entry);
    };
    menu.append(button('Rename', choose(rename)), button('Delete', choose(remove)));
    const more = iconButton('more', `More for ${name}`, () => openBeside(menu, more), {
      class: 'icon more',
    });
    return [iconButton('download', `Download ${name}`, () => download(entry)), more, menu];
  }
}

/** Below a button, and within the window. */
export function openBeside(menu: HTMLElement, anchor: HTMLElement): void {
  menu.togglePopover();
  const { bottom, right } = anchor.getBoundingClientRect();
  const { offsetHeight, offsetWidth } = menu;
  menu.style.top = `${Math.max(0, Math.min(bottom + 4, innerHeight - offsetHeight - 8))}px`;
  menu.style.left = `${Math.max(8, right - offsetWidth)}px`;
}

/** Folders first; names as people sort them, 2 before 10. */
function byKindAndName(one: FolderEntry, other: FolderEntry): number {
  const rank = Number(other.kind === 'folder') - Number(one.kind === 'folder');
  return rank === 0
    ? one.name.rawTextToParse().localeCompare(other.name.rawTextToParse(), undefined, { numeric: true })
    : rank;
}

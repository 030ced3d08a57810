// The workspace: the page while a job is open. Terminals, files beside them, and a bar above.
import type { Job } from '../job/job.ts';
import type { JobEnd, JobEvent } from '../job/job-options.ts';
import { ConnectionLine } from './connection-line.ts';
import { button, element, icon, iconButton } from './dom/element.ts';
import type { PreferenceStore, ThemeChoice } from './dom/preferences.ts';
import type { Destination } from './entry/destination.ts';
import { ExpiryClock } from './expiry-clock.ts';
import { FilesPanel } from './files/files-panel.ts';
import { openBeside } from './files/folder-view.ts';
import { FindBar } from './terminal/find-bar.ts';
import type { Screen } from './terminal/screen.ts';
import { TerminalTabs } from './terminal/terminal-tabs.ts';
import { TouchBar } from './terminal/touch-bar.ts';
import { showHelp } from './trust.ts';

export interface WorkspaceOptions {
  readonly screen: Screen;
  readonly destination: Destination;
  readonly preferences: PreferenceStore;
  /** The person wants to leave the job. */
  readonly leave: () => void;
  /** The person wants it back after its end. */
  readonly reopen: () => void;
}

const END_TITLES: Readonly<Record<JobEnd['kind'], string>> = {
  closed: 'The session has ended',
  ended: 'The job has ended',
  cut: 'The relay cut the connection',
  lost: 'The session has ended',
  broken: 'The session was cut',
};

/** How many pixels one step changes the size of letters. */
const FONT_STEP = 1;

const THEMES: readonly (readonly [ThemeChoice, string])[] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export class Workspace {
  readonly root: HTMLElement;
  readonly #options: WorkspaceOptions;
  readonly #closing = new AbortController();
  readonly #connection = new ConnectionLine();
  readonly #expiry = new ExpiryClock(this.#closing.signal);
  readonly #files: FilesPanel;
  readonly #filesButton: HTMLButtonElement;
  readonly #find: FindBar;
  readonly #touch: TouchBar;
  readonly #notice = element('div', { class: 'notice', role: 'status', hidden: true });
  readonly #tabsPlace = element('div', { class: 'tabs-place' });
  readonly #terminalsPlace = element('div', { class: 'terminals-place' });
  readonly #menu: HTMLButtonElement;
  #tabs: TerminalTabs | undefined;
  #prepared: TerminalTabs | undefined;

  constructor(options: WorkspaceOptions) {
    this.#options = options;
    this.#files = new FilesPanel({ close: () => this.#toggleFiles(false) });
    this.#find = new FindBar({ search: () => this.#tabs?.search, closed: () => this.#tabs?.seen?.focus() });
    this.#touch = new TouchBar({ type: (text) => this.#tabs?.seen?.type(text) });
    this.#filesButton = iconButton('files', 'Files', () => this.#toggleFiles(!this.#isShowingFiles), {
      'aria-pressed': 'false',
    });
    const menu = this.#menuOf();
    this.#menu = iconButton('menu', 'Menu', () => openBeside(menu, this.#menu), { 'aria-haspopup': 'true' });
    const bar = element(
      'header',
      { class: 'bar' },
      element('span', { class: 'brand', title: 'Converge' }, icon('mark')),
      this.#tabsPlace,
      this.#connection.root,
      this.#expiry.root,
      this.#filesButton,
      this.#menu,
      menu,
    );
    const middle = element('main', { class: 'middle' }, this.#terminalsPlace, this.#files.root);
    this.#terminalsPlace.append(this.#find.root);
    this.root = element('div', { class: 'workspace' }, bar, this.#notice, middle, this.#touch.root);
    addEventListener(
      'beforeunload',
      (event) => {
        if (this.#files.isBusy) event.preventDefault();
      },
      { signal: this.#closing.signal },
    );
  }

  /**
   * Builds the first terminal, so that a job that is on its way finds a screen of the right size. To be called when the workspace is
   * in the document, before `use`, and only before its first job.
   */
  prepare(): void {
    this.#prepared = this.#makeTabs();
    this.#prepared.prepare();
  }

  /** The job is open: the first time, or again. */
  async use(job: Job): Promise<void> {
    this.#notice.hidden = true;
    this.#tabs?.close();
    const tabs = this.#prepared ?? this.#makeTabs();
    this.#prepared = undefined;
    this.#tabs = tabs;
    this.#connection.hear({ kind: 'open' });
    this.#files.use(job);
    await tabs.start(job);
    this.#expiry.use(job);
  }

  #makeTabs(): TerminalTabs {
    const tabs: TerminalTabs = new TerminalTabs({
      screen: this.#options.screen,
      preferences: this.#options.preferences,
      typed: this.#touch.filter,
      find: () => this.#find.open(),
      leave: () => this.#menu.focus(),
      titled: (title) => {
        if (!this.root.inert) document.title = `${title} · ${this.#options.destination.id}`;
      },
      emptied: () => this.#emptied(tabs),
    });
    this.#tabsPlace.replaceChildren(tabs.list, tabs.add);
    this.#terminalsPlace.replaceChildren(this.#find.root, tabs.panels);
    return tabs;
  }

  hear(event: JobEvent): void {
    this.#connection.hear(event);
  }

  /** The job is over for this page. What was printed can still be read. */
  ended({ kind, sentence }: JobEnd): void {
    this.#expiry.stop();
    const said = `${END_TITLES[kind]}: ${sentence}`;
    this.#tabs?.say(said);
    this.#say(said, [['Open again', this.#options.reopen]]);
  }

  close(): void {
    this.#closing.abort();
    this.#tabs?.close();
    this.#prepared?.close();
    this.root.remove();
  }

  #emptied(tabs: TerminalTabs): void {
    this.#say('No terminal is open. The job goes on while this page is there.', [
      [
        'New terminal',
        () => {
          this.#notice.hidden = true;
          void tabs.open();
        },
      ],
      ['Leave', this.#options.leave],
    ]);
  }

  #say(sentence: string, actions: readonly (readonly [string, () => void])[]): void {
    this.#notice.replaceChildren(
      element('span', {}, sentence),
      ...actions.map(([label, act]) => button(label, act)),
    );
    this.#notice.hidden = false;
  }

  get #isShowingFiles(): boolean {
    return this.#filesButton.getAttribute('aria-pressed') === 'true';
  }

  #toggleFiles(isShown: boolean): void {
    if (isShown) this.#files.show();
    else this.#files.hide();
    this.#filesButton.setAttribute('aria-pressed', String(isShown));
    this.root.classList.toggle('with-files', isShown);
    if (!isShown) this.#tabs?.seen?.focus();
  }

  #menuOf(): HTMLElement {
    const { preferences } = this.#options;
    const menu = element('div', { popover: true, class: 'menu', role: 'group', 'aria-label': 'Menu' });
    const choose = (act: () => void) => () => {
      menu.hidePopover();
      act();
    };
    const resize = (step: number) => () =>
      preferences.change({ fontSize: preferences.current.fontSize + step });
    const theme = element(
      'select',
      { 'aria-label': 'Colours' },
      ...THEMES.map(([value, label]) =>
        element('option', { value, selected: value === preferences.current.theme }, label),
      ),
    );
    theme.addEventListener('change', () => preferences.change({ theme: theme.value as ThemeChoice }));
    const reads = element('input', { type: 'checkbox', checked: preferences.current.readsOut });
    reads.addEventListener('change', () => preferences.change({ readsOut: reads.checked }));
    menu.append(
      button(
        'Hold for 1 h',
        choose(() => void this.#expiry.hold()),
        { class: 'only-small' },
      ),
      button(
        'Find',
        choose(() => this.#find.open()),
      ),
      button(
        'Copy selection, or all',
        choose(() => void this.#tabs?.seen?.copy()),
      ),
      element(
        'div',
        { class: 'pair', role: 'group', 'aria-label': 'Size of letters' },
        button('A−', resize(-FONT_STEP), { 'aria-label': 'Smaller letters' }),
        button('A+', resize(FONT_STEP), { 'aria-label': 'Larger letters' }),
      ),
      theme,
      element('label', { class: 'check' }, reads, 'Read terminals out'),
      button(
        'About this page',
        choose(() => void showHelp()),
      ),
      button('Leave the job', choose(this.#options.leave)),
    );
    return menu;
  }
}

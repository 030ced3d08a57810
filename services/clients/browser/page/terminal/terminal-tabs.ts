// The tabs: several shells of one job, one of them seen.
import type { SearchAddon } from '@xterm/addon-search';
import type { Job } from '../../job/job.ts';
import type { ProgramEnd } from '../../ssh/channels/channel-piece.ts';
import { announce } from '../dom/announcer.ts';
import { button, element, iconButton } from '../dom/element.ts';
import { MAX_TERMINALS } from '../dom/limits.ts';
import type { PreferenceStore } from '../dom/preferences.ts';
import type { Screen } from './screen.ts';
import { TerminalView, type TypedFilter } from './terminal-view.ts';

/** A mark on the tab is seen this long after a bell, in milliseconds. */
const BELL_SEEN_MS = 1_500;

export interface TerminalTabsOptions {
  readonly screen: Screen;
  readonly preferences: PreferenceStore;
  readonly typed: TypedFilter;
  readonly find: () => void;
  readonly leave: () => void;
  /** The title of the terminal that is seen. */
  readonly titled: (title: string) => void;
  /** The last one is closed. */
  readonly emptied: () => void;
}

interface Tab {
  readonly number: number;
  readonly view: TerminalView;
  readonly handle: HTMLButtonElement;
  readonly root: HTMLElement;
  title: string;
  end: ProgramEnd | undefined;
}

export class TerminalTabs {
  readonly list = element('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Terminals' });
  readonly add: HTMLButtonElement;
  readonly panels = element('div', { class: 'terminals' });
  readonly #options: TerminalTabsOptions;
  readonly #tabs: Tab[] = [];
  #seen: Tab | undefined;
  #count = 0;
  #job: Job | undefined;
  #prepared: Tab | undefined;

  constructor(options: TerminalTabsOptions) {
    this.#options = options;
    this.add = iconButton('plus', 'New terminal', () => void this.open());
    this.list.addEventListener('keydown', (event) => this.#move(event));
  }

  get seen(): TerminalView | undefined {
    return this.#seen?.view;
  }

  get search(): SearchAddon | undefined {
    return this.#seen?.view.search;
  }

  /** Builds the first terminal, for the shell of a job that is on its way. */
  prepare(): void {
    this.#prepared = this.#add();
    this.#prepared.view.prepare();
  }

  /** The job is there: its first shell. Called once. */
  async start(job: Job): Promise<void> {
    this.#job = job;
    const tab = this.#prepared ?? this.#add();
    this.#prepared = undefined;
    // One that was prepared could not be seen.
    this.#show(tab);
    await this.#run(tab, job);
  }

  /** A shell more. What went wrong is said in its terminal. */
  async open(): Promise<void> {
    if (this.#job === undefined) return;
    if (this.#tabs.length >= MAX_TERMINALS) return announce(`${MAX_TERMINALS} terminals at most.`);
    await this.#run(this.#add(), this.#job);
  }

  #add(): Tab {
    const tab = this.#make();
    this.#tabs.push(tab);
    this.list.append(tab.root);
    this.panels.append(tab.view.root);
    this.#show(tab);
    return tab;
  }

  async #run(tab: Tab, job: Job): Promise<void> {
    try {
      await tab.view.start(job);
    } catch (error) {
      tab.view.say(error instanceof Error ? error.message : String(error));
      this.#ended(tab, { kind: 'lost' });
    }
    if (this.#seen === tab) tab.view.focus();
  }

  /** All of them, once the job is over; they can still be read. */
  say(text: string): void {
    for (const { end, view } of this.#tabs) if (end === undefined) view.say(text);
  }

  /** May be called twice. */
  close(): void {
    for (const { view } of this.#tabs) view.close();
  }

  #make(): Tab {
    this.#count += 1;
    const number = this.#count;
    const title = `Terminal ${number}`;
    const handle = button(title, () => this.#show(tab), {
      role: 'tab',
      id: `tab-${number}`,
      'aria-controls': `panel-${number}`,
      'aria-selected': 'false',
      tabindex: -1,
    });
    const close = iconButton('close', `Close ${title}`, () => this.#close(tab));
    const view = new TerminalView({
      screen: this.#options.screen,
      preferences: this.#options.preferences,
      typed: this.#options.typed,
      events: {
        titled: (text) => this.#title(tab, text === '' ? title : text),
        rang: () => this.#ring(tab),
        printed: () => {
          if (this.#seen !== tab) handle.classList.add('new');
        },
        ended: (end) => this.#ended(tab, end),
        find: this.#options.find,
        leave: this.#options.leave,
      },
    });
    view.root.id = `panel-${number}`;
    view.root.setAttribute('role', 'tabpanel');
    view.root.setAttribute('aria-labelledby', `tab-${number}`);
    const root = element('div', { class: 'tab', role: 'presentation' }, handle, close);
    const tab: Tab = { number, view, handle, root, title, end: undefined };
    return tab;
  }

  #show(tab: Tab): void {
    this.#seen = tab;
    for (const other of this.#tabs) {
      const isSeen = other === tab;
      other.handle.setAttribute('aria-selected', String(isSeen));
      other.handle.tabIndex = isSeen ? 0 : -1;
      other.view.root.hidden = !isSeen;
    }
    tab.handle.classList.remove('new');
    tab.root.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    tab.view.shown();
    tab.view.focus();
    this.#options.titled(tab.title);
  }

  #close(tab: Tab): void {
    tab.view.close();
    tab.root.remove();
    const at = this.#tabs.indexOf(tab);
    if (at === -1) return;
    this.#tabs.splice(at, 1);
    const next = this.#tabs[Math.min(at, this.#tabs.length - 1)];
    if (next === undefined) {
      this.#seen = undefined;
      this.#options.emptied();
    } else if (this.#seen === tab) this.#show(next);
  }

  #title(tab: Tab, title: string): void {
    tab.title = title;
    tab.handle.textContent = title;
    if (this.#seen === tab) this.#options.titled(title);
  }

  #ring({ handle }: Tab): void {
    handle.classList.add('rings');
    setTimeout(() => {
      handle.classList.remove('rings');
    }, BELL_SEEN_MS);
  }

  #ended(tab: Tab, end: ProgramEnd): void {
    if (tab.end !== undefined) return;
    tab.end = end;
    tab.root.classList.add('ended');
    if (end.kind === 'exited' && end.exitCode === 0) return this.#close(tab);
    if (end.kind === 'exited') tab.view.say(`the shell ended with exit code ${end.exitCode}`);
    if (end.kind === 'killed') tab.view.say(`the shell was ended by the signal ${end.signal}`);
  }

  /** As tabs are used from a keyboard: arrows move, Home and End go to the ends, Delete closes. */
  #move(event: KeyboardEvent): void {
    const at = this.#tabs.findIndex(({ handle }) => handle === event.target);
    const tab = this.#tabs[at];
    if (tab === undefined) return;
    if (event.key === 'Delete') return this.#close(tab);
    const count = this.#tabs.length;
    const places: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % count,
      ArrowLeft: (at + count - 1) % count,
      Home: 0,
      End: count - 1,
    };
    const place = places[event.key];
    const next = place === undefined ? undefined : this.#tabs[place];
    if (next === undefined) return;
    event.preventDefault();
    this.#show(next);
    next.handle.focus();
  }
}

// The terminal view: one shell of the job on the screen.
import type { FitAddon } from '@xterm/addon-fit';
import type { SearchAddon } from '@xterm/addon-search';
import type { Terminal } from '@xterm/xterm';
import type { Job, JobTerminal } from '../../job/job.ts';
import type { ProgramEnd } from '../../ssh/channels/channel-piece.ts';
import { element } from '../dom/element.ts';
import { MAX_TITLE_CHARACTERS, SCROLLBACK_LINES } from '../dom/limits.ts';
import type { PreferenceStore } from '../dom/preferences.ts';
import { chunksOf } from '../dom/stream-chunks.ts';
import { visibleText } from '../dom/visible-text.ts';
import { copyText, JobClipboard } from './job-clipboard.ts';
import { actionOf, systemOf } from './key-map.ts';
import { pastedText } from './pasted-text.ts';
import type { Screen } from './screen.ts';
import { terminalTheme, watchSystemTheme } from './terminal-theme.ts';
import { followHiddenLink, followSeenLink } from './web-link.ts';

const FONT =
  'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", "Noto Sans Mono", monospace';

const SYSTEM = systemOf(navigator.platform);

/** What the tabs hear of it. */
export interface TerminalEvents {
  readonly titled: (title: string) => void;
  readonly rang: () => void;
  /** Something was printed. */
  readonly printed: () => void;
  readonly ended: (end: ProgramEnd) => void;
  readonly find: () => void;
  /** The person wants out of the terminal, which takes the Tab key for itself. */
  readonly leave: () => void;
}

/** Changes what is typed before it goes to the job: the Ctrl key of the touch bar. */
export type TypedFilter = (typed: string) => string;

export interface TerminalViewOptions {
  readonly screen: Screen;
  readonly preferences: PreferenceStore;
  readonly typed: TypedFilter;
  readonly events: TerminalEvents;
}

/** Nothing is opened before `start`. */
export class TerminalView {
  readonly root = element('div', { class: 'shell' });
  readonly search: SearchAddon;
  readonly #terminal: Terminal;
  readonly #fit: FitAddon;
  readonly #options: TerminalViewOptions;
  readonly #closing = new AbortController();
  #shell: JobTerminal | undefined;
  #received = 0;

  constructor(options: TerminalViewOptions) {
    this.#options = options;
    const { preferences, screen } = options;
    const { fontSize, readsOut, theme } = preferences.current;
    this.search = new screen.SearchAddon();
    this.#fit = new screen.FitAddon();
    this.#terminal = new screen.Terminal({
      allowProposedApi: true,
      cursorBlink: false,
      fontFamily: FONT,
      fontSize,
      // At 1, what lies lowest in a letter is cut off by the next line, an underscore first.
      lineHeight: 1.15,
      macOptionIsMeta: true,
      // Programs choose their colours for one ground; on the other one they must be readable too (WCAG 2.2, 1.4.3).
      minimumContrastRatio: 4.5,
      scrollback: SCROLLBACK_LINES,
      screenReaderMode: readsOut,
      theme: terminalTheme(theme),
      linkHandler: { activate: (_event, address) => void followHiddenLink(address) },
    });
  }

  /** Builds the screen, which must be laid out. May be called before `start`, which calls it too. */
  prepare(): void {
    if (this.#terminal.element === undefined) this.#open();
  }

  /** Opens a shell in it. Rejects with a JobFault if the job has none for us. */
  async start(job: Job): Promise<void> {
    this.prepare();
    const { cols: columns, rows } = this.#terminal;
    const shell = await job.openTerminal({ columns, rows });
    // The person was quicker: a shell that nobody sees would stay for as long as the page.
    if (this.#closing.signal.aborted) return shell.close();
    this.#shell = shell;
    this.#connect(shell);
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** As if the person had typed it. */
  type(text: string): void {
    this.#terminal.input(text, true);
  }

  /** As if the person had pasted it. */
  paste(text: string): void {
    this.#terminal.paste(pastedText(text));
  }

  /** The selection, or everything that is still there. */
  async copy(): Promise<void> {
    if (!this.#terminal.hasSelection()) this.#terminal.selectAll();
    await copyText(this.#terminal.getSelection());
    this.#terminal.clearSelection();
  }

  /** For a view that was hidden: its size could not be known. */
  shown(): void {
    this.#fit.fit();
  }

  /** Says something of ours below what the job has said. */
  say(text: string): void {
    this.#terminal.write(`\r\n\u001b[0;2m[${visibleText(text)}]\u001b[0m\r\n`);
  }

  /** May be called twice. */
  close(): void {
    this.#closing.abort();
    this.#shell?.close();
    this.#terminal.dispose();
    this.root.remove();
  }

  #open(): void {
    const terminal = this.#terminal;
    const { events, preferences, screen } = this.#options;
    const { signal } = this.#closing;
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.search);
    terminal.loadAddon(new screen.UnicodeGraphemesAddon());
    terminal.loadAddon(new screen.WebLinksAddon((_event, text) => followSeenLink(text)));
    terminal.loadAddon(new screen.ClipboardAddon(undefined, new JobClipboard()));
    terminal.open(this.root);
    // Before the terminal itself hears of it, which takes every text as it is.
    this.root.addEventListener('paste', (event) => this.#pasted(event), { capture: true, signal });
    terminal.attachCustomKeyEventHandler((event) => this.#isForJob(event));
    terminal.onTitleChange((title) => events.titled(visibleText(title, MAX_TITLE_CHARACTERS)));
    terminal.onBell(() => events.rang());
    preferences.watch(({ fontSize, readsOut, theme }) => {
      terminal.options.fontSize = fontSize;
      terminal.options.screenReaderMode = readsOut;
      terminal.options.theme = terminalTheme(theme);
      this.#fit.fit();
    }, signal);
    watchSystemTheme(() => {
      terminal.options.theme = terminalTheme(preferences.current.theme);
    }, signal);
    const sizes = new ResizeObserver(() => {
      // Hidden, it has no size.
      if (this.root.clientWidth > 0) this.#fit.fit();
    });
    sizes.observe(this.root);
    signal.addEventListener('abort', () => sizes.disconnect());
    this.#fit.fit();
  }

  #pasted(event: ClipboardEvent): void {
    event.preventDefault();
    event.stopPropagation();
    this.paste(event.clipboardData?.getData('text/plain') ?? '');
  }

  #connect(shell: JobTerminal): void {
    const terminal = this.#terminal;
    const writer = shell.writable.getWriter();
    const send = (bytes: Uint8Array): void => {
      // The end of the shell says why it failed.
      writer.write(bytes).catch(() => undefined);
    };
    const encoder = new TextEncoder();
    terminal.onData((typed) => send(encoder.encode(this.#options.typed(typed))));
    // Mouse reports of old programs: one byte for each character.
    terminal.onBinary((typed) => send(Uint8Array.from(typed, (character) => character.charCodeAt(0))));
    terminal.onResize(({ cols: columns, rows }) => shell.resize({ columns, rows }));
    void this.#print(shell);
    void shell.ended.then((end) => this.#options.events.ended(end));
  }

  /** Takes no more of the job than the screen has taken. */
  async #print(shell: JobTerminal): Promise<void> {
    try {
      for await (const bytes of chunksOf(shell.readable)) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#terminal.write(bytes, resolve);
        await promise;
        this.#received += bytes.length;
        this.root.dataset['received'] = String(this.#received);
        this.#options.events.printed();
      }
    } catch {
      // The connection is gone: `ended` says so.
    }
  }

  /** False for keys that the page or the browser acts upon. */
  #isForJob(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown') return true;
    switch (actionOf(event, SYSTEM, this.#terminal.hasSelection())) {
      case 'job':
        return true;
      case 'paste':
        return false;
      case 'copy':
        event.preventDefault();
        if (this.#terminal.hasSelection()) void this.copy();
        return false;
      case 'find':
        event.preventDefault();
        this.#options.events.find();
        return false;
      case 'leave':
        event.preventDefault();
        this.#options.events.leave();
        return false;
    }
  }
}

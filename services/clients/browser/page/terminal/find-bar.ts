// The find bar: looks for words in what a terminal still has.
import type { SearchAddon } from '@xterm/addon-search';
import { element, iconButton } from '../dom/element.ts';

export interface FindBarOptions {
  /** Of the terminal that is seen. */
  readonly search: () => SearchAddon | undefined;
  readonly closed: () => void;
}

export class FindBar {
  readonly root: HTMLElement;
  readonly #input = element('input', {
    'aria-label': 'Find in the terminal',
    placeholder: 'Find',
    spellcheck: 'false',
  });
  readonly #options: FindBarOptions;

  constructor(options: FindBarOptions) {
    this.#options = options;
    this.root = element(
      'div',
      { class: 'find', role: 'search', hidden: true },
      this.#input,
      iconButton('up', 'Previous', () => this.#find('previous')),
      iconButton('down', 'Next', () => this.#find('next')),
      iconButton('close', 'Close', () => this.close()),
    );
    this.#input.addEventListener('input', () => this.#find('same'));
    this.root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.close();
      if (event.key === 'Enter' && event.target === this.#input)
        this.#find(event.shiftKey ? 'next' : 'previous');
    });
  }

  open(): void {
    this.root.hidden = false;
    this.#input.focus();
    this.#input.select();
  }

  close(): void {
    this.root.hidden = true;
    this.#options.search()?.clearDecorations();
    this.#options.closed();
  }

  /** The last words are at the bottom: one looks upwards first. */
  #find(way: 'previous' | 'next' | 'same'): void {
    const search = this.#options.search();
    const text = this.#input.value;
    if (search === undefined) return;
    const isFound =
      way === 'next' ? search.findNext(text) : search.findPrevious(text, { incremental: way === 'same' });
    this.#input.toggleAttribute('aria-invalid', !isFound && text !== '');
  }
}

// The touch bar: the keys that the keyboard of a phone has not.
import { button, element } from '../dom/element.ts';

interface TouchKey {
  readonly label: string;
  readonly name: string;
  readonly types: string;
}

const KEYS: readonly TouchKey[] = [
  { label: 'Esc', name: 'Escape', types: '\u001b' },
  { label: 'Tab', name: 'Tab', types: '\t' },
  { label: '←', name: 'Left', types: '\u001b[D' },
  { label: '↑', name: 'Up', types: '\u001b[A' },
  { label: '↓', name: 'Down', types: '\u001b[B' },
  { label: '→', name: 'Right', types: '\u001b[C' },
  { label: '|', name: 'Pipe', types: '|' },
  { label: '/', name: 'Slash', types: '/' },
  { label: '-', name: 'Hyphen', types: '-' },
];

export interface TouchBarOptions {
  readonly type: (text: string) => void;
}

/** Seen where there is no mouse. */
export class TouchBar {
  readonly root: HTMLElement;
  readonly #control: HTMLButtonElement;

  constructor({ type }: TouchBarOptions) {
    this.#control = button('Ctrl', () => this.#hold(!this.#isHeld), { 'aria-pressed': 'false' });
    const keys = KEYS.map(({ label, name, types }) =>
      button(label, () => type(types), { 'aria-label': name }),
    );
    this.root = element(
      'div',
      { class: 'touch-bar', role: 'toolbar', 'aria-label': 'Keys' },
      this.#control,
      ...keys,
    );
    // The terminal keeps the focus, and the phone its keyboard.
    this.root.addEventListener('pointerdown', (event) => {
      event.preventDefault();
    });
  }

  /** What is typed while Ctrl is held: one letter becomes its control character. */
  readonly filter = (typed: string): string => {
    if (!this.#isHeld) return typed;
    const code = typed.toUpperCase().charCodeAt(0);
    if (typed.length !== 1 || code < 0x3f || code > 0x5f) return typed;
    this.#hold(false);
    return String.fromCharCode(code === 0x3f ? 0x7f : code - 0x40);
  };

  get #isHeld(): boolean {
    return this.#control.getAttribute('aria-pressed') === 'true';
  }

  #hold(isHeld: boolean): void {
    this.#control.setAttribute('aria-pressed', String(isHeld));
  }
}

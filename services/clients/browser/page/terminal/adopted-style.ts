// Adopted styles: an element that stands where a terminal would put a style element, which the page's policy does not let in.

/** The name that the build puts into the terminal's code (deploy/build/terminal-style.ts). */
const NAME = 'adopted-style';

/** Its text is a style sheet of the document for as long as it is in there. */
class AdoptedStyle extends HTMLElement {
  readonly #sheet = new CSSStyleSheet();

  override get textContent(): string {
    return Array.from(this.#sheet.cssRules, ({ cssText }) => cssText).join('\n');
  }

  override set textContent(text: string | null) {
    this.#sheet.replaceSync(text ?? '');
  }

  connectedCallback(): void {
    document.adoptedStyleSheets.push(this.#sheet);
  }

  disconnectedCallback(): void {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.#sheet);
  }
}

/** To be called before the first terminal is opened. */
export function defineAdoptedStyle(): void {
  if (customElements.get(NAME) === undefined) customElements.define(NAME, AdoptedStyle);
}

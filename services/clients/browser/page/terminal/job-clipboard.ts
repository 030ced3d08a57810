// The clipboard as programs in the job may have it (OSC 52): they never read it, and write to it once the person has said so.
import type { IClipboardProvider } from '@xterm/addon-clipboard';
import { announce } from '../dom/announcer.ts';
import { element } from '../dom/element.ts';
import { MAX_OFFERED_CHARACTERS, MAX_REFUSED_OFFERS } from '../dom/limits.ts';
import { askToChoose } from '../dom/question.ts';
import { visibleText } from '../dom/visible-text.ts';

/** So much of it is shown in the question, in characters. */
const SHOWN_CHARACTERS = 400;

/** For one terminal. */
export class JobClipboard implements IClipboardProvider {
  #isAsking = false;
  #isAllowed = false;
  /** One after the other. */
  #refusals = 0;

  /** An empty answer: whoever asks cannot tell it from an empty clipboard. */
  readText(): string {
    announce('A program in the job asked for your clipboard, and did not get it.');
    return '';
  }

  /** Returns at once: the terminal prints nothing while it waits for its clipboard. */
  writeText(_selection: string, text: string): void {
    void this.#offer(text);
  }

  async #offer(text: string): Promise<void> {
    // One question at a time, however often the job asks.
    if (text === '' || this.#isAsking) return;
    if (text.length > MAX_OFFERED_CHARACTERS)
      return announce('A program in the job offered more text than fits your clipboard.');
    // The question stands before everything else, also before the way out.
    if (this.#refusals >= MAX_REFUSED_OFFERS)
      return announce(
        'A program in the job wants your clipboard again: this terminal does not ask any more.',
      );
    if (!this.#isAllowed) {
      this.#isAsking = true;
      const answer = await askToChoose<'once' | 'always'>({
        title: 'Let the job write to your clipboard?',
        said: [
          `A program in this terminal wants to put ${text.length} characters there. Look at them before you paste them anywhere:`,
          element('pre', { class: 'quoted', tabindex: 0 }, visibleText(text, SHOWN_CHARACTERS)),
        ],
        choices: [
          { label: 'Always in this terminal', answer: 'always' },
          { label: 'This time', answer: 'once', isMain: true },
        ],
        refusal: 'No',
      });
      this.#isAsking = false;
      this.#refusals = answer === undefined ? this.#refusals + 1 : 0;
      if (answer === undefined) return;
      this.#isAllowed = answer === 'always';
    }
    await copyText(text);
  }
}

/** Puts text on the clipboard, and says so. Never rejects. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    announce(`Copied ${text.length} characters.`);
  } catch {
    announce('This browser did not let the page write to the clipboard.');
  }
}

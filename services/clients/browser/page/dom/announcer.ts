// The announcer: one line that screen readers read out, and others see in the corner for a while.
import { element } from './element.ts';

/** How long it is seen, in milliseconds. */
const SEEN_MS = 4_000;

const line = element('p', { class: 'announcer', role: 'status', 'aria-live': 'polite' });
let cancel: ReturnType<typeof setTimeout> | undefined;

/** Says `text` once, above a dialog where one is open: what is behind it is neither seen nor read out. */
export function announce(text: string): void {
  const place = [...document.querySelectorAll('dialog')].at(-1) ?? document.body;
  if (line.parentElement !== place) place.append(line);
  clearTimeout(cancel);
  line.textContent = text;
  line.classList.add('seen');
  cancel = setTimeout(() => {
    line.classList.remove('seen');
  }, SEEN_MS);
}

// The announcer: one line that screen readers read out, and others see in the corner for a while.
import { element } from './element.ts';

/** How long it is seen, in milliseconds. */
const SEEN_MS = 4_000;

const line = element('p', { class: 'announcer', role: 'status', 'aria-live': 'polite' });
let cancel: ReturnType<typeof setTimeout> | undefined;

/** Says `text` once. */
export function announce(text: string): void {
  if (!line.isConnected) document.body.append(line);
  clearTimeout(cancel);
  line.textContent = text;
  line.classList.add('seen');
  cancel = setTimeout(() => {
    line.classList.remove('seen');
  }, SEEN_MS);
}

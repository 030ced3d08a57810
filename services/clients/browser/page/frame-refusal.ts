// The frame refusal: all that is seen of the page within another page.
import { element } from './dom/element.ts';

/** In place of everything else. */
export function refuseFrame(): void {
  const card = element(
    'div',
    { class: 'card' },
    element('h1', {}, 'Not within another page'),
    element('p', { role: 'alert' }, SENTENCE),
  );
  document.body.append(element('main', { class: 'entry' }, card));
}

const SENTENCE =
  'Another page shows this one as a part of itself, and could see or steer what you do here. Open the link in a tab of its own.';

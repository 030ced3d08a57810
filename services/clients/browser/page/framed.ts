// Framed: the page within another page, which could lay things over it and steer what somebody types. It opens nothing there.
//
// The relay forbids it with a header (`frame-ancestors`). Whoever hosts the page elsewhere may not, and no page can say so itself.
import { element } from './dom/element.ts';

/** True if another page shows this one. */
export function isFramed(): boolean {
  return window.top !== window.self;
}

/** In place of everything else: no job is dialled, nothing is asked for, nothing kept is read. */
export function refuseFrame(): void {
  const card = element(
    'div',
    { class: 'card' },
    element('h1', {}, 'Not within another page'),
    element('p', { role: 'alert' }, FRAMED),
  );
  document.body.append(element('main', { class: 'entry' }, card));
}

const FRAMED =
  'Another page shows this one as a part of itself, and could see or steer what you do here. Open the link in a tab of its own.';

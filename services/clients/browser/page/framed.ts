// Framed: whether another page shows this one, could lay things over it, and steer what somebody types. Imports nothing, so that
// whatever the page does first can ask.
//
// The relay forbids it with a header (`frame-ancestors`). Whoever hosts the page elsewhere may not, and no page can say so itself.

/** True: nothing is dialled, asked for or read. */
export function isFramed(): boolean {
  return window.top !== window.self;
}

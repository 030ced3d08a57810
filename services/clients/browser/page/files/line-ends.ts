// Line ends of a text: a text area knows one kind, so the others are taken out before and put back afterwards.

/** `mixed`: what is changed in a text area cannot be written again to the byte. */
export type LineEnds = '\n' | '\r\n' | 'mixed';

export function lineEndsOf(text: string): LineEnds {
  if (!text.includes('\r')) return '\n';
  return withLineEnds(text.replaceAll(/\r\n?/g, '\n'), '\r\n') === text ? '\r\n' : 'mixed';
}

/** Of what a text area holds. */
export function withLineEnds(shown: string, ends: '\n' | '\r\n'): string {
  return ends === '\n' ? shown : shown.replaceAll('\n', '\r\n');
}

// Text that strangers had a hand in, made fit for a log line or a terminal.

/** Longer text says nothing more in one line, in characters. */
const MAX_PRINTABLE_LENGTH = 300;

/** One line of bounded length, without control and direction characters: they could forge log lines or drive a terminal. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return line.length > MAX_PRINTABLE_LENGTH ? `${line.slice(0, MAX_PRINTABLE_LENGTH)}…` : line;
}

// Text that strangers had a hand in, made fit for a log line or a terminal.

/** Longer text says nothing more in one line. */
const MAX_PRINTABLE_LENGTH = 200;

/** One line without control or direction characters (they could forge log lines or drive a terminal), cut to 200. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, '?');
  return line.length > MAX_PRINTABLE_LENGTH ? `${line.slice(0, MAX_PRINTABLE_LENGTH)}...` : line;
}

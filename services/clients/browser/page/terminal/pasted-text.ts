// Pasted text: what some other page has put on the clipboard, with nothing in it that a terminal would take for more than text.

/** Control characters but for tab and line ends; U+007F to U+009F are some too. */
const CONTROLS = /[^\P{Cc}\t\n\r]/gu;

const PICTURE_OF_NULL = 0x2400;
const PICTURE_OF_DELETE = '\u2421';

/**
 * Each control character becomes its picture. The terminal puts brackets around a paste, so that a shell waits for Enter; an
 * escape sequence in the text would close them, and what follows would run.
 */
export function pastedText(text: string): string {
  return text.replaceAll(CONTROLS, (control) => {
    const code = control.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(PICTURE_OF_NULL + code);
    return code === 0x7f ? PICTURE_OF_DELETE : '\ufffd';
  });
}

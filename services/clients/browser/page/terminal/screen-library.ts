// The screen library: xterm and what belongs to it, a script of its own, so that the connection need not wait for it.

export { ClipboardAddon } from '@xterm/addon-clipboard';
export { FitAddon } from '@xterm/addon-fit';
export { SearchAddon } from '@xterm/addon-search';
export { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes';
export { WebLinksAddon } from '@xterm/addon-web-links';
export { Terminal } from '@xterm/xterm';

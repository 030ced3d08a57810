// x
import { Terminal } from '@xterm/xterm';
import { FitAddon } from '@xterm/addon-fit';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes';
import { SearchAddon } from '@xterm/addon-search';
import { ClipboardAddon } from '@xterm/addon-clipboard';
console.log(Terminal, FitAddon,WebLinksAddon,UnicodeGraphemesAddon,SearchAddon,ClipboardAddon);

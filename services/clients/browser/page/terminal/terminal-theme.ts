// The terminal's colours, for light and dark surroundings. Every one of the sixteen can be read on its ground.
import type { ITheme } from '@xterm/xterm';
import type { ThemeChoice } from '../dom/preferences.ts';

const DARK: ITheme = {
  background: '#101514',
  foreground: '#e4eae8',
  cursor: '#6fd0c4',
  cursorAccent: '#101514',
  selectionBackground: '#2f5a54',
  black: '#1d2523',
  red: '#f28779',
  green: '#8fd18b',
  yellow: '#e6c074',
  blue: '#7fb4f0',
  magenta: '#d3a1e6',
  cyan: '#6fd0c4',
  white: '#d5dcda',
  brightBlack: '#7d8b87',
  brightRed: '#ffa79b',
  brightGreen: '#b0e6ab',
  brightYellow: '#f5d898',
  brightBlue: '#a8cefa',
  brightMagenta: '#e6c1f3',
  brightCyan: '#9be6dc',
  brightWhite: '#ffffff',
};

const LIGHT: ITheme = {
  background: '#ffffff',
  foreground: '#1a2220',
  cursor: '#0b6b64',
  cursorAccent: '#ffffff',
  selectionBackground: '#bfe3dd',
  black: '#1a2220',
  red: '#b3261e',
  green: '#2b6e2a',
  yellow: '#7d5a00',
  blue: '#1c5bb8',
  magenta: '#8a3aa8',
  cyan: '#0b6b64',
  white: '#55625e',
  brightBlack: '#6b7773',
  brightRed: '#c93f36',
  brightGreen: '#36803a',
  brightYellow: '#8f6a0a',
  brightBlue: '#2f6fd0',
  brightMagenta: '#9d4fbc',
  brightCyan: '#127d75',
  brightWhite: '#39443f',
};

const SYSTEM_IS_DARK = matchMedia('(prefers-color-scheme: dark)');

export function terminalTheme(choice: ThemeChoice): ITheme {
  return isDark(choice) ? DARK : LIGHT;
}

/** Calls `listener` when the system turns light or dark, until the signal. */
export function watchSystemTheme(listener: () => void, signal: AbortSignal): void {
  SYSTEM_IS_DARK.addEventListener('change', listener, { signal });
}

function isDark(choice: ThemeChoice): boolean {
  return choice === 'system' ? SYSTEM_IS_DARK.matches : choice === 'dark';
}

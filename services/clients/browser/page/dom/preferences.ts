// Preferences of the person, kept in this browser: what the page looks like, and nothing secret.

export const MIN_FONT_SIZE = 8;
export const MAX_FONT_SIZE = 32;
const DEFAULT_FONT_SIZE = 14;

export type ThemeChoice = 'system' | 'light' | 'dark';

export interface Preferences {
  /** In CSS pixels. */
  readonly fontSize: number;
  readonly theme: ThemeChoice;
  /** Whether terminals are read out. */
  readonly readsOut: boolean;
}

const STORED_UNDER = 'converge.preferences';

/** Holds them, and tells who listens of each change. */
export class PreferenceStore {
  #current: Preferences = readStored();
  readonly #listeners = new Set<(preferences: Preferences) => void>();

  get current(): Preferences {
    return this.#current;
  }

  change(changes: Partial<Preferences>): void {
    const { fontSize, ...rest } = { ...this.#current, ...changes };
    this.#current = { ...rest, fontSize: Math.min(MAX_FONT_SIZE, Math.max(MIN_FONT_SIZE, fontSize)) };
    try {
      localStorage.setItem(STORED_UNDER, JSON.stringify(this.#current));
    } catch {
      // A browser that keeps nothing: they last as long as the page.
    }
    for (const listener of this.#listeners) listener(this.#current);
  }

  /** Calls `listener` now and at each change, until the signal. */
  watch(listener: (preferences: Preferences) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener));
    listener(this.#current);
  }
}

function readStored(): Preferences {
  const stored = parseStored();
  const { fontSize, theme, readsOut } = stored;
  return {
    fontSize: typeof fontSize === 'number' && Number.isFinite(fontSize) ? fontSize : DEFAULT_FONT_SIZE,
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    readsOut: readsOut === true,
  };
}

function parseStored(): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORED_UNDER) ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

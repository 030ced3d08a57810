// Keys that mean something to the page and not to the job: copy, paste and find, as each system has them.

export type PageKeyAction = 'copy' | 'paste' | 'find' | 'leave' | 'job';

export interface PressedKey {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

export type SystemKind = 'mac' | 'windows' | 'other';

export function systemOf(platform: string): SystemKind {
  if (/mac|iphone|ipad/i.test(platform)) return 'mac';
  return /win/i.test(platform) ? 'windows' : 'other';
}

/**
 * `paste`: the browser is left to it, which hands the text to the terminal without asking. On Windows Ctrl+C copies what is
 * selected, as its own terminal does; elsewhere it always goes to the job.
 */
export function actionOf(pressed: PressedKey, system: SystemKind, hasSelection: boolean): PageKeyAction {
  const { key, code, ctrlKey, shiftKey, altKey, metaKey } = pressed;
  if (altKey) return 'job';
  if (ctrlKey && key === 'F6') return 'leave';
  if (system === 'mac') {
    if (!metaKey || ctrlKey) return 'job';
    if (code === 'KeyC' && hasSelection) return 'copy';
    if (code === 'KeyV') return 'paste';
    return code === 'KeyF' ? 'find' : 'job';
  }
  if (metaKey) return 'job';
  if (shiftKey && key === 'Insert') return 'paste';
  if (!ctrlKey) return 'job';
  if (key === 'Insert' && hasSelection) return 'copy';
  if (shiftKey && code === 'KeyC') return 'copy';
  if (shiftKey && code === 'KeyV') return 'paste';
  if (shiftKey && code === 'KeyF') return 'find';
  if (system === 'windows' && !shiftKey && code === 'KeyC' && hasSelection) return 'copy';
  if (system === 'windows' && !shiftKey && code === 'KeyV') return 'paste';
  return 'job';
}

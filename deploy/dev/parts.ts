// Parts: which program has to be started again after a change of a source file.

export type DevPart = 'relay' | 'agent';

/** `file` is relative to services/. Clients are started by people, so a change of theirs restarts nothing. */
export function partsOf(file: string): readonly DevPart[] {
  if (!file.endsWith('.ts')) return [];
  switch (file.split('/', 1)[0]) {
    case 'shared':
      return ['relay', 'agent'];
    case 'relay':
      return ['relay'];
    case 'agent':
      return ['agent'];
    default:
      return [];
  }
}

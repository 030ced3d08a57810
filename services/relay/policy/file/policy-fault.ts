// Faults of a policy file: all of them, each with its line and a way out.

/** So many are told: whoever has more has another file in hand than a policy. */
export const MAX_POLICY_FAULTS = 1_000;

export interface PolicyFault {
  /** From 1. */
  readonly line: number;
  /** One sentence, with the value and the way out. */
  readonly message: string;
}

/** Collects what is wrong, and what is only odd, while a file is read. */
export class FaultList {
  readonly #faults: PolicyFault[] = [];
  readonly #warnings: PolicyFault[] = [];

  /** The file does not count. */
  add(line: number, message: string): void {
    this.#faults.push({ line, message });
  }

  /** The file counts all the same. */
  warn(line: number, message: string): void {
    this.#warnings.push({ line, message });
  }

  get isEmpty(): boolean {
    return this.#faults.length === 0;
  }

  /** In the order of the lines, MAX_POLICY_FAULTS at most. */
  get faults(): readonly PolicyFault[] {
    return inOrder(this.#faults);
  }

  /** The same of what is only odd. */
  get warnings(): readonly PolicyFault[] {
    return inOrder(this.#warnings);
  }
}

/** `FILE:LINE: MESSAGE`, as editors and compilers have it. */
export function faultLine(path: string, { line, message }: PolicyFault): string {
  return `${path}:${line}: ${message}`;
}

function inOrder(faults: readonly PolicyFault[]): readonly PolicyFault[] {
  const sorted = faults.toSorted((one, other) => one.line - other.line);
  const more = sorted.length - MAX_POLICY_FAULTS;
  if (more <= 0) return sorted;
  const told = sorted.slice(0, MAX_POLICY_FAULTS);
  return [...told, { line: sorted[MAX_POLICY_FAULTS]?.line ?? 1, message: `and ${more} more` }];
}

// How a process ended, from the status that the kernel keeps for its parent (wait(2)).

export type ProcessEnd =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: number; readonly coreDumped: boolean };

const SIGNAL_MASK = 0x7f;
const CORE_FLAG = 0x80;
const CODE_SHIFT = 8;
const CODE_MASK = 0xff;

/** What is reported when somebody else has collected the status: 255, as sshd does. */
export const UNKNOWN_END: ProcessEnd = { kind: 'code', code: 255 };

/** The end that this status stands for. */
export function processEndFrom(status: number): ProcessEnd {
  const signal = status & SIGNAL_MASK;
  if (signal === 0) return { kind: 'code', code: (status >> CODE_SHIFT) & CODE_MASK };
  return { kind: 'signal', signal, coreDumped: (status & CORE_FLAG) !== 0 };
}

// The status that the kernel keeps of a dead child for its parent (wait(2)).
import type { ProcessEnd } from '../platform/process-end.ts';

const SIGNAL_MASK = 0x7f;
const CORE_FLAG = 0x80;
const CODE_SHIFT = 8;
const CODE_MASK = 0xff;

/** The end that this status stands for. */
export function processEndFrom(status: number): ProcessEnd {
  const signal = status & SIGNAL_MASK;
  if (signal === 0) return { kind: 'code', code: (status >> CODE_SHIFT) & CODE_MASK };
  return { kind: 'signal', signal, coreDumped: (status & CORE_FLAG) !== 0 };
}

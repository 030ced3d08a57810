// Terminal modes as the process addon takes them.
import type { TerminalMode } from '../platform/terminal-mode.ts';

/** Opcode and value in turn. The order matters: of two for one opcode the last holds. */
export function packModes(modes: readonly TerminalMode[]): Uint32Array {
  return Uint32Array.from(modes.flatMap(({ opcode, value }) => [opcode, value]));
}

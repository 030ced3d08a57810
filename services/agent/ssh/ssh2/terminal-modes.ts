// The terminal modes of a pty-req: opcodes and their values. RFC 4254 section 8.
import { WireReader } from '#shared/ssh/strings.ts';
import type { TerminalMode } from '../../platform/terminal-mode.ts';

/** TTY_OP_END, and the first of the opcodes that have no value of known form: parsing stops at either. */
const END = 0;
const UNKNOWN_FORM = 160;

/** As many as are whole, in the client's order. ssh2's own parser starts at the second byte of the list. */
export function parseModes(encoded: Buffer): readonly TerminalMode[] {
  const reader = new WireReader(encoded);
  const modes: TerminalMode[] = [];
  for (;;) {
    const opcode = reader.byte() ?? END;
    if (opcode === END || opcode >= UNKNOWN_FORM) return modes;
    const value = reader.uint32();
    if (value === undefined) return modes;
    modes.push({ opcode, value });
  }
}

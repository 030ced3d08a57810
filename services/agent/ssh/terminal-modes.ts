// The terminal modes of a pty-req request. RFC 4254 sections 6.2 and 8.
import type { TerminalMode } from '../pty/terminal-mode.ts';
import type { WireReader } from './wire.ts';

/** TTY_OP_END, and the first of the opcodes that end the list because their arguments are not known. */
const OPCODE_END = 0;
const OPCODE_UNKNOWN_FROM = 160;
const MODE_BYTES = 5;
/** Opcodes are below 160, and no client sends one twice. */
const MODES_MAX = 160;

/** Reads the fields of pty-req; what is cut short ends the list. */
export function terminalModesFrom(fields: WireReader): TerminalMode[] {
  const TERMINAL_SIZE_BYTES = 16;
  fields.string(); // the terminal's type
  fields.raw(TERMINAL_SIZE_BYTES);
  const encoded = fields.string() ?? Buffer.alloc(0);
  const modes: TerminalMode[] = [];
  for (let at = 0; at + MODE_BYTES <= encoded.length && modes.length < MODES_MAX; at += MODE_BYTES) {
    const opcode = encoded.readUInt8(at);
    if (opcode === OPCODE_END || opcode >= OPCODE_UNKNOWN_FROM) break;
    modes.push({ opcode, value: encoded.readUInt32BE(at + 1) });
  }
  return modes;
}

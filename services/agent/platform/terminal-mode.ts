// A terminal mode: what the client's own terminal is set to, by the opcodes of RFC 4254 section 8.

/** An opcode that is not known means nothing. */
export interface TerminalMode {
  readonly opcode: number;
  /** A character (255: switched off), a flag (not 0: set) or bits per second. */
  readonly value: number;
}

/** The modes of a client without a terminal of its own. */
export const NO_MODES: readonly TerminalMode[] = [];

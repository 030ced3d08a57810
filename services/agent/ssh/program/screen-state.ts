// The screen state: what a full-screen program has switched on at the client's terminal, to be undone when it is cut off.
//
// Control sequences by ECMA-48 and xterm's "XTerm Control Sequences" (ctlseqs): ESC [ ? n ; … h or l set and reset private
// modes, ESC = and ESC > the keypad, ESC [ > 4 ; n m the other keys; kitty's keyboard protocol pushes and pops with u.

const ESC = 0x1b;
/** No sequence that matters here is longer; this bounds what is kept between two chunks. */
const MAX_SEQUENCE_BYTES = 64;
/** What ends a sequence that ESC [ began; anything below is a parameter, and what is neither breaks it off. */
const MIN_FINAL = 0x40;
const MAX_FINAL = 0x7e;
const MIN_PARAMETER = 0x20;

/** What those sequences begin with after ESC [, and no other does that means something here: ! < > ? */
const MARKERS: readonly number[] = [0x21, 0x3c, 0x3e, 0x3f];

/** Private modes that a program switches on, in the order in which they are switched off: the screen comes last. */
const MODES = [9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 2004, 1, 47, 1047, 1049] as const;
const WATCHED: ReadonlySet<number> = new Set(MODES);
/** The cursor, which is on by default. */
const CURSOR_MODE = 25;
const CURSOR_KEYS_MODE = 1;

const EMPTY = Buffer.alloc(0);

/** One terminal's. It is fed all output, split anywhere. */
export class ScreenState {
  readonly #on = new Set<number>();
  #isCursorHidden = false;
  #isKeypadOn = false;
  #areOtherKeysOn = false;
  /** Pushed and not popped. */
  #keyboards = 0;
  /** The beginning of a sequence that goes on in the next chunk. */
  #rest = EMPTY;

  /** Takes output. Text without a control sequence costs one search. */
  see(chunk: Buffer): void {
    if (this.#rest.length === 0 && !chunk.includes(ESC)) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = EMPTY;
    for (let at = bytes.indexOf(ESC); at >= 0; at = bytes.indexOf(ESC, at + 1)) {
      if (this.#read(bytes, at)) continue;
      this.#rest = Buffer.from(bytes.subarray(at));
      return;
    }
  }

  /** The bytes that undo what is on, and nothing else; empty when nothing is. They undo it once: nothing is on after it. */
  reset(): Buffer {
    const parts: string[] = [];
    if (this.#keyboards > 0) parts.push(`\x1b[<${this.#keyboards}u`);
    if (this.#areOtherKeysOn) parts.push('\x1b[>4m');
    if (this.#isKeypadOn) parts.push('\x1b>');
    if (this.#isCursorHidden) parts.push(`\x1b[?${CURSOR_MODE}h`);
    for (const mode of MODES) if (this.#on.has(mode)) parts.push(`\x1b[?${mode}l`);
    this.#clear();
    this.#rest = EMPTY;
    return Buffer.from(parts.join(''), 'latin1');
  }

  /** Reads the sequence at an ESC. False: it is not complete. */
  #read(bytes: Buffer, at: number): boolean {
    switch (bytes[at + 1]) {
      case undefined:
        return false;
      case 0x63: // ESC c: the terminal as it was switched on
        this.#clear();
        return true;
      case 0x3d: // ESC =
        this.#isKeypadOn = true;
        return true;
      case 0x3e: // ESC >
        this.#isKeypadOn = false;
        return true;
      case 0x5b: // ESC [
        return this.#readControl(bytes, at);
      default:
        return true;
    }
  }

  #readControl(bytes: Buffer, at: number): boolean {
    const start = at + 2;
    const marker = bytes[start];
    if (marker === undefined) return false;
    // Colours and movements, which are most, are not read.
    if (!MARKERS.includes(marker)) return true;
    const limit = at + MAX_SEQUENCE_BYTES;
    for (let end = start; end < limit; end++) {
      const byte = bytes[end];
      if (byte === undefined) return false;
      if (byte < MIN_PARAMETER || byte > MAX_FINAL) return true;
      if (byte < MIN_FINAL) continue;
      this.#apply(bytes.toString('latin1', start, end), String.fromCharCode(byte));
      return true;
    }
    return true;
  }

  #apply(parameters: string, final: string): void {
    const marker = parameters[0];
    if (marker === '?' && (final === 'h' || final === 'l')) {
      for (const mode of parameters.slice(1).split(';')) this.#setMode(Number(mode), final === 'h');
    } else if (marker === '>' && final === 'm' && /^>4(;|$)/.test(parameters)) {
      this.#areOtherKeysOn = Number(parameters.split(';')[1] ?? 0) > 0;
    } else if (marker === '>' && final === 'u') {
      this.#keyboards += 1;
    } else if (marker === '<' && final === 'u') {
      this.#keyboards = Math.max(0, this.#keyboards - (Number(parameters.slice(1)) || 1));
    } else if (parameters === '!' && final === 'p') {
      this.#resetSoftly();
    }
  }

  #setMode(mode: number, isOn: boolean): void {
    if (mode === CURSOR_MODE) this.#isCursorHidden = !isOn;
    else if (isOn && WATCHED.has(mode)) this.#on.add(mode);
    else this.#on.delete(mode);
  }

  /** ESC [ ! p: cursor and keys, but neither the screen nor the mouse. */
  #resetSoftly(): void {
    this.#on.delete(CURSOR_KEYS_MODE);
    this.#isCursorHidden = false;
    this.#isKeypadOn = false;
  }

  #clear(): void {
    this.#on.clear();
    this.#isCursorHidden = false;
    this.#isKeypadOn = false;
    this.#areOtherKeysOn = false;
    this.#keyboards = 0;
  }
}

// Terminal modes as words of stty(1), which sets them where no addon of our own does: those that macOS' and GNU's both know.
import type { TerminalMode } from '../terminal-mode.ts';

/** Opcodes of RFC 4254 section 8. */
const CHARACTERS: ReadonlyMap<number, string> = new Map([
  [1, 'intr'],
  [2, 'quit'],
  [3, 'erase'],
  [4, 'kill'],
  [5, 'eof'],
  [6, 'eol'],
  [7, 'eol2'],
  [8, 'start'],
  [9, 'stop'],
  [10, 'susp'],
  [12, 'rprnt'],
  [13, 'werase'],
  [14, 'lnext'],
  [18, 'discard'],
]);
const CHARACTER_OFF = 255;

const FLAGS: ReadonlyMap<number, string> = new Map([
  [36, 'icrnl'],
  [38, 'ixon'],
  [39, 'ixany'],
  [41, 'imaxbel'],
  [42, 'iutf8'],
  [50, 'isig'],
  [51, 'icanon'],
  [53, 'echo'],
  [54, 'echoe'],
  [55, 'echok'],
  [59, 'iexten'],
  [60, 'echoctl'],
  [61, 'echoke'],
  [70, 'opost'],
  [72, 'onlcr'],
]);

/** A new terminal has none of these, so only their being set says something: one word that a stty does not know spoils all. */
const FLAGS_AT_FIRST_OFF: ReadonlyMap<number, string> = new Map([
  [30, 'ignpar'],
  [31, 'parmrk'],
  [32, 'inpck'],
  [33, 'istrip'],
  [34, 'inlcr'],
  [35, 'igncr'],
  [40, 'ixoff'],
  [56, 'echonl'],
  [57, 'noflsh'],
  [58, 'tostop'],
  [73, 'ocrnl'],
  [74, 'onocr'],
  [75, 'onlret'],
  [90, 'cs7'],
  [91, 'cs8'],
  [92, 'parenb'],
  [93, 'parodd'],
]);

const SPEEDS: ReadonlyMap<number, string> = new Map([
  [128, 'ispeed'],
  [129, 'ospeed'],
]);
/** Those that both systems have by name; as in sshd, another one is 9600. */
const KNOWN_SPEEDS: ReadonlySet<number> = new Set([
  50, 75, 110, 134, 150, 200, 300, 600, 1_200, 1_800, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200,
  230_400,
]);
const OTHER_SPEED = 9_600;

/** The words for these, after a line of UTF-8; of two values of one mode the last one holds. */
export function sttyWords(modes: readonly TerminalMode[]): string[] {
  const last = new Map(modes.map(({ opcode, value }) => [opcode, value]));
  return ['iutf8', ...[...last].flatMap(([opcode, value]) => wordsOf(opcode, value))];
}

function wordsOf(opcode: number, value: number): string[] {
  const flag = FLAGS.get(opcode);
  if (flag !== undefined) return [value === 0 ? `-${flag}` : flag];
  const rare = FLAGS_AT_FIRST_OFF.get(opcode);
  if (rare !== undefined) return value === 0 ? [] : [rare];
  const character = CHARACTERS.get(opcode);
  if (character !== undefined) return characterWords(character, value);
  const speed = SPEEDS.get(opcode);
  // Nought would hang up.
  if (speed === undefined || value === 0) return [];
  return [speed, String(KNOWN_SPEEDS.has(value) ? value : OTHER_SPEED)];
}

/** Words are text: what is above ASCII cannot be said. */
function characterWords(name: string, value: number): string[] {
  if (value === CHARACTER_OFF) return [name, 'undef'];
  if (value === 0x7f) return [name, '^?'];
  if (value > 0x7f) return [];
  return [name, value < 0x20 ? `^${String.fromCharCode(value + 0x40)}` : String.fromCharCode(value)];
}

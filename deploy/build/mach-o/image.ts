// The image: a Mach-O file of 64 bits as its header and load commands describe it.
import { MachOError } from './mach-o-error.ts';
import { readSegment, type Segment } from './segment.ts';

/** <mach-o/loader.h>: the header, and the commands that matter here. */
const MAGIC_64 = 0xfeedfacf;
/** In files for several processors at once, which are big-endian. */
const MAGICS_FAT: readonly number[] = [0xcafebabe, 0xcafebabf];
const HEADER_BYTES = 32;
const FILE_TYPE_EXECUTE = 2;
/** What a running program loads: Node's addons. */
const FILE_TYPE_BUNDLE = 8;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;

const PROCESSORS: ReadonlyMap<number, 'arm64' | 'x64'> = new Map([
  [0x0100000c, 'arm64'],
  [0x01000007, 'x64'],
]);

/** LC_CODE_SIGNATURE: its own bytes, which say where the signature is. */
export const SIGNATURE_COMMAND_BYTES = 16;

export interface LoadCommand {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

/** Where a signature is: `commandOffset` of its load command, the others of the signature itself. In bytes. */
export interface SignaturePlace {
  readonly commandOffset: number;
  readonly offset: number;
  readonly size: number;
}

export interface MachImage {
  readonly processor: 'arm64' | 'x64';
  readonly kind: 'program' | 'addon';
  readonly commands: readonly LoadCommand[];
  /** The end of the last command. */
  readonly commandsEnd: number;
  /** In the order of the file's commands. */
  readonly segments: readonly Segment[];
  readonly text: Segment;
  /** Tables of the linker and the signature; the end of the file. */
  readonly linkEdit: Segment;
  readonly signature: SignaturePlace | undefined;
}

/** Reads header and commands of a program or an addon. @throws MachOError with a sentence for whatever is no whole one */
export function readImage(file: Buffer): MachImage {
  if (file.length < HEADER_BYTES) throw new MachOError(`${file.length} bytes are no Mach-O file`);
  if (MAGICS_FAT.includes(file.readUInt32BE(0)))
    throw new MachOError('it is for several processors at once; take one of them out of it first');
  if (file.readUInt32LE(0) !== MAGIC_64)
    throw new MachOError('it does not begin as a Mach-O file of 64 bits does');
  const processor = PROCESSORS.get(file.readUInt32LE(4));
  if (processor === undefined) throw new MachOError('it is for a processor other than arm64 and x64');
  const fileType = file.readUInt32LE(12);
  if (fileType !== FILE_TYPE_EXECUTE && fileType !== FILE_TYPE_BUNDLE)
    throw new MachOError('it is a library or object, and no program');

  const commands = readCommands(file);
  const segments = commands
    .filter(({ type }) => type === LC_SEGMENT_64)
    .map(({ offset, size }) => readSegment(file, offset, size));
  const linkEdit = segmentOf(segments, '__LINKEDIT');
  if (linkEdit.fileOffset + linkEdit.fileSize !== file.length)
    throw new MachOError(
      `__LINKEDIT ends at ${linkEdit.fileOffset + linkEdit.fileSize}, the file at ${file.length}`,
    );
  return {
    processor,
    kind: fileType === FILE_TYPE_EXECUTE ? 'program' : 'addon',
    commands,
    commandsEnd: HEADER_BYTES + file.readUInt32LE(20),
    segments,
    text: segmentOf(segments, '__TEXT'),
    linkEdit,
    signature: signatureOf(file, commands, linkEdit),
  };
}

/** Writes LC_CODE_SIGNATURE behind the last command and counts it in the header. */
export function addSignatureCommand(file: Buffer, image: MachImage): number {
  const offset = image.commandsEnd;
  const sections = image.text.sections.map(({ fileOffset }) => fileOffset).filter((at) => at > 0);
  const end = offset + SIGNATURE_COMMAND_BYTES;
  if (end > Math.min(...sections)) throw new MachOError('it has no room for one more load command');
  if (file.subarray(offset, end).some((byte) => byte !== 0))
    throw new MachOError('there is something where the next load command has to go');
  file.writeUInt32LE(file.readUInt32LE(16) + 1, 16);
  file.writeUInt32LE(file.readUInt32LE(20) + SIGNATURE_COMMAND_BYTES, 20);
  file.writeUInt32LE(LC_CODE_SIGNATURE, offset);
  file.writeUInt32LE(SIGNATURE_COMMAND_BYTES, offset + 4);
  return offset;
}

function readCommands(file: Buffer): readonly LoadCommand[] {
  const count = file.readUInt32LE(16);
  const end = HEADER_BYTES + file.readUInt32LE(20);
  if (end > file.length) throw new MachOError(`its load commands end at ${end}, the file at ${file.length}`);
  const commands: LoadCommand[] = [];
  let offset = HEADER_BYTES;
  for (let index = 0; index < count; index += 1) {
    if (offset + 8 > end) throw new MachOError(`load command ${index} of ${count} is beyond their end`);
    const size = file.readUInt32LE(offset + 4);
    if (size < 8 || size % 8 !== 0 || offset + size > end)
      throw new MachOError(`load command ${index} of ${count} cannot have ${size} bytes`);
    commands.push({ type: file.readUInt32LE(offset), offset, size });
    offset += size;
  }
  if (offset !== end) throw new MachOError(`its ${count} load commands end at ${offset}, and not at ${end}`);
  return commands;
}

function segmentOf(segments: readonly Segment[], name: string): Segment {
  const found = segments.find((segment) => segment.name === name);
  if (found === undefined) throw new MachOError(`it has no segment ${name}`);
  return found;
}

function signatureOf(
  file: Buffer,
  commands: readonly LoadCommand[],
  linkEdit: Segment,
): SignaturePlace | undefined {
  const [command, another] = commands.filter(({ type }) => type === LC_CODE_SIGNATURE);
  if (command === undefined) return undefined;
  if (another !== undefined) throw new MachOError('it has two signatures');
  if (command.size !== SIGNATURE_COMMAND_BYTES)
    throw new MachOError(`its signature's command has ${command.size} bytes`);
  const offset = file.readUInt32LE(command.offset + 8);
  const size = file.readUInt32LE(command.offset + 12);
  if (offset < linkEdit.fileOffset || offset + size !== file.length)
    throw new MachOError(
      `its signature is from ${offset} to ${offset + size}, and not at the end of the file`,
    );
  return { commandOffset: command.offset, offset, size };
}

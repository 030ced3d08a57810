// The names of requests that are about files and folders by their paths, for whoever keeps a record of these.
import { PacketType } from './wire.ts';

const NAMES: ReadonlyMap<number | undefined, string> = new Map([
  [PacketType.OPEN, 'open'],
  [PacketType.SETSTAT, 'setstat'],
  [PacketType.OPENDIR, 'list'],
  [PacketType.REMOVE, 'remove'],
  [PacketType.MKDIR, 'mkdir'],
  [PacketType.RMDIR, 'rmdir'],
  [PacketType.RENAME, 'rename'],
  [PacketType.SYMLINK, 'symlink'],
]);

const EXTENDED_NAMES: ReadonlyMap<string, string> = new Map([
  ['posix-rename@openssh.com', 'rename'],
  ['hardlink@openssh.com', 'link'],
  ['lsetstat@openssh.com', 'setstat'],
]);

/** Type byte, request id and the length of the name. */
const NAME_OFFSET = 9;

/** Undefined for requests that only look at attributes, or go by a handle. */
export function fileRequestName(packet: Buffer): string | undefined {
  if (packet[0] !== PacketType.EXTENDED) return NAMES.get(packet[0]);
  if (packet.length < NAME_OFFSET) return undefined;
  const length = packet.readUInt32BE(NAME_OFFSET - 4);
  return EXTENDED_NAMES.get(packet.toString('latin1', NAME_OFFSET, NAME_OFFSET + Math.min(length, 64)));
}

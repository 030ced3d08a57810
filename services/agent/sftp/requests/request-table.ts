// The request table: which packet type is parsed by what.

import type { ParseOperation } from '../operation.ts';
import { PacketType } from '../wire.ts';
import { parseMkdir, parseOpendir, parseReaddir, parseRmdir } from './directory-requests.ts';
import { parseExtended } from './extended-requests.ts';
import { parseClose, parseFsetstat, parseFstat, parseOpen, parseRead, parseWrite } from './file-requests.ts';
import {
  parseLstat,
  parseReadlink,
  parseRealpath,
  parseRemove,
  parseRename,
  parseSetstat,
  parseStat,
  parseSymlink,
} from './path-requests.ts';

/** Every request but INIT, which opens the session. */
export const REQUESTS: ReadonlyMap<number, ParseOperation> = new Map([
  [PacketType.OPEN, parseOpen],
  [PacketType.CLOSE, parseClose],
  [PacketType.READ, parseRead],
  [PacketType.WRITE, parseWrite],
  [PacketType.LSTAT, parseLstat],
  [PacketType.FSTAT, parseFstat],
  [PacketType.SETSTAT, parseSetstat],
  [PacketType.FSETSTAT, parseFsetstat],
  [PacketType.OPENDIR, parseOpendir],
  [PacketType.READDIR, parseReaddir],
  [PacketType.REMOVE, parseRemove],
  [PacketType.MKDIR, parseMkdir],
  [PacketType.RMDIR, parseRmdir],
  [PacketType.REALPATH, parseRealpath],
  [PacketType.STAT, parseStat],
  [PacketType.RENAME, parseRename],
  [PacketType.READLINK, parseReadlink],
  [PacketType.SYMLINK, parseSymlink],
  [PacketType.EXTENDED, parseExtended],
]);

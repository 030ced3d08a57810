// What is the same for every program that Node starts: whether there is one, its environment, and how it ended.
import { accessSync, constants as fileModes, statSync } from 'node:fs';
import { constants } from 'node:os';
import { type ProcessEnd, UNKNOWN_END } from '../platform/process-end.ts';
import type { Variables } from '../platform/programs.ts';
import { ProcessError } from './process-addon.ts';

/** Node reports why a program has not started, but later. @throws ProcessError */
export function checkExecutable(file: string): void {
  try {
    accessSync(file, fileModes.X_OK);
  } catch (error) {
    throw new ProcessError((error as NodeJS.ErrnoException).errno ?? -constants.errno.EACCES);
  }
  // As the kernel answers for a folder, and for a device.
  if (!statSync(file).isFile()) throw new ProcessError(-constants.errno.EACCES);
}

/** As Node takes them: bytes that are not text are lost. */
export function textVariables(variables: Variables): Record<string, string> {
  return Object.fromEntries([...variables].map(([name, value]) => [name, String(value)]));
}

/** The end that Node's `exit` tells. */
export function endFromNode(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  if (code !== null) return { kind: 'code', code };
  if (signal === null) return UNKNOWN_END;
  return { kind: 'signal', signal: constants.signals[signal], coreDumped: false };
}

// The folder where Windows has its own programs.
import { win32 } from 'node:path';
import type { Environment } from '#shared/machine/environment.ts';

/** `env` says where Windows is. */
export function systemFolder({ SystemRoot = 'C:\\Windows' }: Environment): string {
  return win32.join(SystemRoot, 'System32');
}

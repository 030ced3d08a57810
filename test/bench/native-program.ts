// The bench's own programs in C++, compiled when they are first wanted: what they do is not to cost more than what is measured.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { runCommand } from '../../deploy/build/command.ts';
import { hostPlatform } from '../../deploy/build/linux-platform.ts';
import { WORKSHOP } from '../../deploy/build/source-tree.ts';
import { ensureCompilers } from '../../deploy/build/toolchain.ts';

const FLAGS = [
  '-std=gnu++20',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Wno-missing-field-initializers',
  '-Werror',
  `-DSUBPROTOCOL="${STREAM}"`,
];

const compiled = new Map<string, Promise<string>>();

/** The path of the program made of `NAME.cc`. @throws BuildError if it does not compile */
export function nativeProgram(name: 'load' | 'kernel-splice' | 'slow-link'): Promise<string> {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const made = compile(name);
  compiled.set(name, made);
  return made;
}

async function compile(name: string): Promise<string> {
  const { cxx } = await ensureCompilers(hostPlatform());
  const program = join(WORKSHOP, `bench-${name}`);
  await mkdir(WORKSHOP, { recursive: true });
  await runCommand(cxx, [...FLAGS, '-o', program, join(import.meta.dirname, `${name}.cc`)]);
  return program;
}

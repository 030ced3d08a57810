// The bench's own programs in C++: what they do is not to cost more than what is measured.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { runCommand } from '../../deploy/build/command.ts';
import { hostPlatform } from '../../deploy/build/linux-platform.ts';
import { WORKSHOP } from '../../deploy/build/source-tree.ts';
import { makeOnce } from '../../deploy/build/stamp.ts';
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

/** The path of the program made of `NAME.cc`, which is compiled when it has changed. @throws BuildError if it does not compile */
export async function nativeProgram(name: 'load' | 'kernel-splice' | 'slow-link'): Promise<string> {
  const source = join(import.meta.dirname, `${name}.cc`);
  const output = join(WORKSHOP, `bench-${name}`);
  const made = await makeOnce(output, [FLAGS.join(' '), await readFile(source)], async (temporary) => {
    const { cxx } = await ensureCompilers(hostPlatform());
    await runCommand(cxx, [...FLAGS, '-o', temporary, source]);
  });
  return made.path;
}

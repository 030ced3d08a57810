// Native addons: the pty as npm brings it; ssh2's ciphers and the size of pipes, compiled here with g++ alone.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.ts';
import { NODE_PACKAGE, readNodeVersion } from './node-runtime.ts';
import { ensureCommands } from './requirements.ts';
import { type AddonName, DIST, PLATFORM, ROOT } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

const SSH_CRYPTO_SOURCE = fileURLToPath(import.meta.resolve('ssh2/lib/protocol/crypto/src/binding.cc'));
/** See there. */
const OBJECT_WRAP = join(import.meta.dirname, 'object-wrap.h');
const NAN_MANIFEST = fileURLToPath(import.meta.resolve('nan/package.json'));

/** See there. */
const PIPE_SIZE_SOURCE = join(import.meta.dirname, 'pipe-size.cc');

const COMMON_FLAGS = [
  '-std=gnu++20', // Node 24's v8.h asks for C++20
  '-O3',
  '-fPIC',
  '-shared',
  '-s',
  '-fvisibility=hidden',
  // A slim image has Node's own libraries at best: bring the C++ runtime along.
  '-static-libstdc++',
  '-static-libgcc',
  '-DBUILDING_NODE_EXTENSION',
  `-I${join(NODE_PACKAGE, 'include/node')}`,
];

/** What ssh2's binding.gyp and node-gyp would pass, so that neither node-gyp nor Python is needed. */
const SSH_CRYPTO_FLAGS = [
  ...COMMON_FLAGS,
  '-Wno-deprecated-declarations',
  '-DOPENSSL_API_COMPAT=0x10100000L',
  '-DREAL_OPENSSL_MAJOR=3',
  '-DNODE_GYP_MODULE_NAME=sshcrypto',
  `-I${dirname(NAN_MANIFEST)}`,
  '-include',
  OBJECT_WRAP,
];

/** node-pty's addon, which npm brings compiled. */
export const PTY_ADDON = join(ROOT, 'node_modules/@lydell', `node-pty-${PLATFORM}`, 'pty.node');

/** Compiles ssh2's cipher addon to `dist/native/sshcrypto.node`. Its OpenSSL is the one inside Node. */
export async function compileSshCrypto(): Promise<Made> {
  const others = [await readFile(OBJECT_WRAP), await readFile(NAN_MANIFEST)];
  return await compile('sshcrypto', SSH_CRYPTO_SOURCE, SSH_CRYPTO_FLAGS, others);
}

/** Compiles `dist/native/pipesize.node`. */
export async function compilePipeSize(): Promise<Made> {
  return await compile('pipesize', PIPE_SIZE_SOURCE, COMMON_FLAGS, []);
}

async function compile(
  name: AddonName,
  source: string,
  flags: readonly string[],
  others: readonly Buffer[],
): Promise<Made> {
  const ingredients = [await readFile(source), ...others, await readNodeVersion(), flags.join(' ')];
  return await makeOnce(join(DIST, `native/${name}.node`), ingredients, async (temporary) => {
    await ensureCommands(['g++']);
    await runCommand('g++', [...flags, '-o', temporary, source]);
  });
}

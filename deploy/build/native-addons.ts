// Native addons: the pty as npm brings it, and ssh2's ciphers, compiled here with g++ alone.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.ts';
import { NODE_PACKAGE, readNodeVersion } from './node-runtime.ts';
import { ensureCommands } from './requirements.ts';
import { DIST, PLATFORM, ROOT } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';

const SSH_CRYPTO_SOURCE = fileURLToPath(import.meta.resolve('ssh2/lib/protocol/crypto/src/binding.cc'));
/** See there. */
const OBJECT_WRAP = join(import.meta.dirname, 'object-wrap.h');
const NAN_MANIFEST = fileURLToPath(import.meta.resolve('nan/package.json'));

/** What ssh2's binding.gyp and node-gyp would pass, so that neither node-gyp nor Python is needed. */
const COMPILER_FLAGS = [
  '-std=gnu++20', // Node 24's v8.h asks for C++20
  '-O3',
  '-fPIC',
  '-shared',
  '-s',
  '-fvisibility=hidden',
  // A slim image has Node's own libraries at best: bring the C++ runtime along.
  '-static-libstdc++',
  '-static-libgcc',
  '-Wno-deprecated-declarations',
  '-DOPENSSL_API_COMPAT=0x10100000L',
  '-DREAL_OPENSSL_MAJOR=3',
  '-DNODE_GYP_MODULE_NAME=sshcrypto',
  '-DBUILDING_NODE_EXTENSION',
  `-I${join(NODE_PACKAGE, 'include/node')}`,
  `-I${dirname(NAN_MANIFEST)}`,
  '-include',
  OBJECT_WRAP,
];

/** node-pty's addon, which npm brings compiled. */
export const PTY_ADDON = join(ROOT, 'node_modules/@lydell', `node-pty-${PLATFORM}`, 'pty.node');

/** Compiles ssh2's cipher addon to `dist/native/sshcrypto.node`. Its OpenSSL is the one inside Node. */
export async function compileSshCrypto(): Promise<Made> {
  const ingredients = [
    await readFile(SSH_CRYPTO_SOURCE),
    await readFile(OBJECT_WRAP),
    await readNodeVersion(),
    COMPILER_FLAGS.join(' '),
    await readFile(NAN_MANIFEST),
  ];
  return await makeOnce(join(DIST, 'native/sshcrypto.node'), ingredients, async (temporary) => {
    await ensureCommands(['g++']);
    await runCommand('g++', [...COMPILER_FLAGS, '-o', temporary, SSH_CRYPTO_SOURCE]);
  });
}

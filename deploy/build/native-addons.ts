// Native addons: ssh2's ciphers, the size of pipes, the agent's processes and the relay's pump, compiled with g++ alone.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runCommand } from './command.ts';
import { hostPlatform, isHost, type LinuxPlatform } from './linux-platform.ts';
import { NODE_PACKAGE, readNodeVersion } from './node-runtime.ts';
import { type CompiledAddon, DIST, ROOT, WORKSHOP } from './source-tree.ts';
import { type Made, makeOnce } from './stamp.ts';
import { ensureCompilers } from './toolchain.ts';

/** Not import.meta.resolve: what prepares the tests has none. */
const require = createRequire(import.meta.url);
const SSH_CRYPTO_SOURCE = require.resolve('ssh2/lib/protocol/crypto/src/binding.cc');
/** ssh2's C++ needs this header. */
const OBJECT_WRAP = join(import.meta.dirname, 'object-wrap.h');
const NAN_MANIFEST = require.resolve('nan/package.json');

/** See pipe-size.cc. */
const PIPE_SIZE_SOURCE = join(import.meta.dirname, 'pipe-size.cc');

/** See process.cc; the header beside it is compiled into it. */
const PROCESS_SOURCE = join(ROOT, 'services/agent/process/process.cc');
const TERMINAL_HEADER = join(ROOT, 'services/agent/process/terminal.h');

/** See pump.cc; the headers beside it are compiled into it. */
const PUMP_SOURCE = join(ROOT, 'services/relay/pump/pump.cc');
const PUMP_HEADERS = ['frames.h', 'pump-thread.h'].map((name) => join(ROOT, 'services/relay/pump', name));

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
  // The same for all processors.
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

/** Compiles ssh2's cipher addon to `dist/native/sshcrypto.node`, or for another platform into `dist/work`. Its OpenSSL is the one inside Node. */
export async function compileSshCrypto(platform: LinuxPlatform = hostPlatform()): Promise<Made> {
  const others = [await readFile(OBJECT_WRAP), await readFile(NAN_MANIFEST)];
  return await compile(platform, 'sshcrypto', SSH_CRYPTO_SOURCE, SSH_CRYPTO_FLAGS, others);
}

/** Compiles `pipesize.node` likewise. */
export async function compilePipeSize(platform: LinuxPlatform = hostPlatform()): Promise<Made> {
  return await compile(platform, 'pipesize', PIPE_SIZE_SOURCE, COMMON_FLAGS, []);
}

/** Compiles `process.node` likewise. */
export async function compileProcess(platform: LinuxPlatform = hostPlatform()): Promise<Made> {
  return await compile(platform, 'process', PROCESS_SOURCE, COMMON_FLAGS, [await readFile(TERMINAL_HEADER)]);
}

/** Compiles the relay's `pump.node` likewise. */
export async function compilePump(platform: LinuxPlatform = hostPlatform()): Promise<Made> {
  const others = await Promise.all(PUMP_HEADERS.map((path) => readFile(path)));
  return await compile(platform, 'pump', PUMP_SOURCE, [...COMMON_FLAGS, '-pthread'], others);
}

async function compile(
  platform: LinuxPlatform,
  name: CompiledAddon,
  source: string,
  flags: readonly string[],
  others: readonly Buffer[],
): Promise<Made> {
  const ingredients = [await readFile(source), ...others, await readNodeVersion(), flags.join(' ')];
  // The machine's own are for programs that run from their sources as well.
  const output = isHost(platform)
    ? join(DIST, `native/${name}.node`)
    : join(WORKSHOP, `${name}-${platform.name}.node`);
  return await makeOnce(output, ingredients, async (temporary) => {
    const { cxx } = await ensureCompilers(platform);
    await runCommand(cxx, [...flags, '-o', temporary, source]);
  });
}

// The distribution: everything under dist/, made where it is missing or out of date.
import type { KeyObject } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileDigest, writeChecksums } from './checksums.ts';
import { compressBinary } from './compression.ts';
import { makeForeignBinary } from './foreign-binary.ts';
import { compileLauncher, readSystemLibraries } from './launcher.ts';
import { hostPlatform, type LinuxPlatform } from './linux-platform.ts';
import { compilePipeSize, compileProcess, compileSshCrypto } from './native-addons.ts';
import { slimNode } from './node-runtime.ts';
import type { PackedFile } from './pack.ts';
import { type ForeignPlatform, type PlatformChoice, programsFor } from './platform.ts';
import { makePortableBinary } from './portable-binary.ts';
import { bundleProgram, type Digests } from './program-bundle.ts';
import { bundleRelay } from './relay-bundle.ts';
import { makeScript } from './script-bundle.ts';
import { makeSeaBinary } from './sea-binary.ts';
import { signChecksums } from './signature.ts';
import { type AddonName, BUILT_PROGRAMS, type BuiltProgram, isClient } from './source-tree.ts';
import type { Made } from './stamp.ts';
import { bundleTerminal, makeSingleFile, type TerminalPage } from './terminal-bundle.ts';

export interface Distribution {
  readonly relay: string;
  readonly terminal: TerminalPage;
  /** Paths of the binaries of this platform. */
  readonly binaries: readonly string[];
  /** Of all that was made for others: their programs, the script, and the terminal page in one file. They do not run here. */
  readonly foreign: readonly string[];
}

/** A line for what had to be made, and what that was. */
type Tell = (made: Made, what?: string) => Made;

/**
 * Builds the relay and its terminal page, the binaries of this platform, those for `others`, and wsproxy.mjs; with `signingKey` a
 * signature of their checksums. `say` gets a line for each thing that had to be made.
 * @throws BuildError with a message that says what is missing or wrong; esbuild's own errors are printed by esbuild.
 */
export async function buildDistribution(
  say: (line: string) => void,
  signingKey?: KeyObject,
  others: PlatformChoice = [],
): Promise<Distribution> {
  const otherLinux = others.filter((other) => other.format === 'elf');
  const [relay, terminal] = await Promise.all([
    bundleRelay(undefined, [hostPlatform(), ...otherLinux]),
    bundleTerminal(),
  ]);
  const tell: Tell = (made, what = 'made') => {
    if (made.isNew) say(`${what} ${basename(made.path)}`);
    return made;
  };
  const own = await prepareLinux(hostPlatform(), tell);
  const kits = [own];
  for (const platform of otherLinux) kits.push(await prepareLinux(platform, tell));
  // The clients first: each agent tells people the digests of those that were built with it.
  const clients = await makeLinuxBinaries(BUILT_PROGRAMS.filter(isClient), kits, tell);
  const known = await digestsOf(clients);
  const agents = await makeLinuxBinaries(
    BUILT_PROGRAMS.filter((program) => !isClient(program)),
    kits,
    tell,
    known,
  );
  const linux = [...agents, ...clients];
  const isOwn = ({ path }: Made): boolean => path.endsWith(`-${own.platform.name}`);
  const binaries = linux.filter(isOwn);
  const notLinux = others.filter((other) => other.format !== 'elf');
  const foreign = [
    ...linux.filter((made) => !isOwn(made)),
    ...(await makeForeign(notLinux, known, terminal, tell)),
  ];
  const signature = await signChecksums(await writeChecksums([...binaries, ...foreign]), signingKey);
  if (signature !== undefined) tell(signature);
  return {
    relay,
    terminal,
    binaries: binaries.map(({ path }) => path),
    foreign: foreign.map(({ path }) => path),
  };
}

/** What is made for macOS and Windows, and the script, which is for all. */
async function makeForeign(
  platforms: readonly ForeignPlatform[],
  known: Digests,
  terminal: TerminalPage,
  tell: Tell,
): Promise<readonly Made[]> {
  const pairs = platforms.flatMap((platform) =>
    programsFor(platform).map((program) => ({ platform, program })),
  );
  // Three copies of a Node are in memory at once for each.
  const binaries: Made[] = [tell(await makeScript()), tell(await makeSingleFile(terminal))];
  for (const { platform, program } of pairs) {
    const bundle = await bundleProgram(program, isClient(program) ? {} : known);
    binaries.push(tell(await makeForeignBinary({ program, bundle, platform })));
  }
  for (const binary of binaries) for (const made of await compressBinary(binary)) tell(made);
  return binaries;
}

/** What all programs for one Linux platform are made of. */
interface LinuxKit {
  readonly platform: LinuxPlatform;
  readonly node: Made;
  readonly launcher: Made;
  readonly libraries: readonly [PackedFile, ...PackedFile[]];
  readonly addons: Readonly<Record<AddonName, string>>;
}

async function prepareLinux(platform: LinuxPlatform, tell: Tell): Promise<LinuxKit> {
  // One after the other: what has to be fetched and installed for it is, once.
  const libraries = await readSystemLibraries(platform);
  const launcher = tell(await compileLauncher(platform));
  const [sshcrypto, pipesize, processes, node] = await Promise.all([
    compileSshCrypto(platform).then(tell),
    compilePipeSize(platform).then(tell),
    compileProcess(platform).then(tell),
    slimNode(platform).then(tell),
  ]);
  const addons = { process: processes.path, sshcrypto: sshcrypto.path, pipesize: pipesize.path };
  return { platform, node, launcher, libraries, addons };
}

async function makeLinuxBinaries(
  programs: readonly BuiltProgram[],
  kits: readonly LinuxKit[],
  tell: Tell,
  digests?: Digests,
): Promise<readonly Made[]> {
  const made: Made[] = [];
  for (const kit of kits)
    made.push(...(await mapInParallel(programs, (program) => makeLinuxBinary(program, kit, tell, digests))));
  return made;
}

/** By the names of the files. */
async function digestsOf(made: readonly Made[]): Promise<Digests> {
  const pairs = made.map(async ({ path }) => [basename(path), await fileDigest(path)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

async function makeLinuxBinary(
  program: BuiltProgram,
  kit: LinuxKit,
  tell: Tell,
  digests?: Digests,
): Promise<Made> {
  const bundle = await bundleProgram(program, digests);
  // The file of the same name that people get is made of it, and that takes longest.
  const executable = tell(await makeSeaBinary({ ...kit, program, bundle }), 'to be packed:');
  return tell(await makePortableBinary({ ...kit, program, executable }));
}

/** An injection takes a core and half a gigabyte of memory: no more at once than there are cores. */
async function mapInParallel<In, Out>(
  items: readonly In[],
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  const queue = [...items.entries()];
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      results[next[0]] = await work(next[1]);
    }
  });
  await Promise.all(workers);
  return results;
}

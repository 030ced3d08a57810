// The distribution: everything under dist/, made where it is missing or out of date.
import type { KeyObject } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileDigest, writeChecksums } from './checksums.ts';
import { compressBinary } from './compression.ts';
import { makeForeignBinary } from './foreign-binary.ts';
import { compileLauncher, readSystemLibraries } from './launcher.ts';
import { compilePipeSize, compileProcess, compileSshCrypto } from './native-addons.ts';
import { slimNode } from './node-runtime.ts';
import { FOREIGN_PROGRAMS, type PlatformChoice } from './platform.ts';
import { makePortableBinary } from './portable-binary.ts';
import { bundleProgram, type Digests } from './program-bundle.ts';
import { bundleRelay } from './relay-bundle.ts';
import { makeScript } from './script-bundle.ts';
import { makeSeaBinary } from './sea-binary.ts';
import { signChecksums } from './signature.ts';
import { BUILT_PROGRAMS, type BuiltProgram } from './source-tree.ts';
import type { Made } from './stamp.ts';
import { bundleTerminal, makeSingleFile, type TerminalPage } from './terminal-bundle.ts';

export interface Distribution {
  readonly relay: string;
  readonly terminal: TerminalPage;
  /** Paths of the binaries of this platform. */
  readonly binaries: readonly string[];
  /** Of all that was made for others: their programs, the script, and the terminal page in one file. */
  readonly foreign: readonly string[];
}

/**
 * Builds the relay and its terminal page, the binaries of this platform, the client programs of `others`, and wsproxy.mjs; with `signingKey` a
 * signature of their checksums. `say` gets a line for each thing that had to be made.
 * @throws BuildError with a message that says what is missing or wrong; esbuild's own errors are printed by esbuild.
 */
export async function buildDistribution(
  say: (line: string) => void,
  signingKey?: KeyObject,
  others: PlatformChoice = [],
): Promise<Distribution> {
  const [relay, terminal] = await Promise.all([bundleRelay(), bundleTerminal()]);
  const tell = (made: Made): Made => {
    if (made.isNew) say(`made ${basename(made.path)}`);
    return made;
  };
  const [crypto, pipeSize, processes, node, launcher] = await Promise.all([
    compileSshCrypto().then(tell),
    compilePipeSize().then(tell),
    compileProcess().then(tell),
    slimNode().then(tell),
    compileLauncher().then(tell),
  ]);

  const libraries = await readSystemLibraries();
  const addons = { process: processes.path, sshcrypto: crypto.path, pipesize: pipeSize.path };
  const make = async (program: BuiltProgram, digests?: Digests): Promise<Made> => {
    const bundle = await bundleProgram(program, digests);
    const executable = tell(await makeSeaBinary({ program, bundle, node }));
    return tell(await makePortableBinary({ program, executable, launcher, libraries, addons }));
  };
  // The clients first: the agent tells people which of them are its own.
  const [clients, rest] = [
    BUILT_PROGRAMS.filter(isClient),
    BUILT_PROGRAMS.filter((program) => !isClient(program)),
  ];
  const madeClients = await mapInParallel(clients, (program) => make(program));
  const digests = await Promise.all(madeClients.map(({ path }) => fileDigest(path)));
  const known = Object.fromEntries(clients.map(({ name }, index) => [name, digests[index] ?? '']));
  const binaries = [...(await mapInParallel(rest, (program) => make(program, known))), ...madeClients];
  const foreign = await makeForeign(others, terminal, tell);
  const signature = await signChecksums(await writeChecksums([...binaries, ...foreign]), signingKey);
  if (signature !== undefined) tell(signature);
  return {
    relay,
    terminal,
    binaries: binaries.map(({ path }) => path),
    foreign: foreign.map(({ path }) => path),
  };
}

/** What is made for other machines than this one. */
async function makeForeign(
  platforms: PlatformChoice,
  terminal: TerminalPage,
  tell: (made: Made) => Made,
): Promise<readonly Made[]> {
  const pairs = platforms.flatMap((platform) => FOREIGN_PROGRAMS.map((program) => ({ platform, program })));
  // Three copies of a Node are in memory at once for each.
  const binaries: Made[] = [tell(await makeScript()), tell(await makeSingleFile(terminal))];
  for (const { platform, program } of pairs) {
    const bundle = await bundleProgram(program);
    binaries.push(tell(await makeForeignBinary({ program, bundle, platform })));
  }
  for (const binary of binaries) for (const made of await compressBinary(binary)) tell(made);
  return binaries;
}

function isClient({ entry }: BuiltProgram): boolean {
  return entry.startsWith('services/clients/');
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

// The distribution: everything under dist/, made where it is missing or out of date.
import type { KeyObject } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { writeChecksums } from './checksums.ts';
import { compressBinary } from './compression.ts';
import { compilePipeSize, compileProcess, compileSshCrypto } from './native-addons.ts';
import { stripNode } from './node-runtime.ts';
import { bundleProgram } from './program-bundle.ts';
import { bundleRelay } from './relay-bundle.ts';
import { makeSeaBinary } from './sea-binary.ts';
import { signChecksums } from './signature.ts';
import { PROGRAMS } from './source-tree.ts';
import type { Made } from './stamp.ts';

export interface Distribution {
  readonly relay: string;
  /** Paths of the binaries, in the order of PROGRAMS. */
  readonly binaries: readonly string[];
}

/**
 * Builds the relay and the binaries of this platform, with `signingKey` a signature of their checksums. `say` gets a line
 * for each thing that had to be made.
 * @throws BuildError with a message that tells what is missing or wrong; esbuild's own errors are printed by esbuild.
 */
export async function buildDistribution(
  say: (line: string) => void,
  signingKey?: KeyObject,
): Promise<Distribution> {
  const relay = await bundleRelay();
  const tell = (made: Made): Made => {
    if (made.isNew) say(`made ${basename(made.path)}`);
    return made;
  };
  const [crypto, pipeSize, processes, node, bundles] = await Promise.all([
    compileSshCrypto().then(tell),
    compilePipeSize().then(tell),
    compileProcess().then(tell),
    stripNode().then(tell),
    Promise.all(PROGRAMS.map(bundleProgram)),
  ]);

  const addons = { process: processes.path, sshcrypto: crypto.path, pipesize: pipeSize.path };
  const parts = PROGRAMS.map((program, index) => ({ program, bundle: bundles[index] ?? '', addons, node }));
  const binaries = await mapInParallel(parts, async (part) => {
    const binary = tell(await makeSeaBinary(part));
    for (const made of await compressBinary(binary)) tell(made);
    return binary;
  });
  const signature = await signChecksums(await writeChecksums(binaries), signingKey);
  if (signature !== undefined) tell(signature);
  return { relay, binaries: binaries.map(({ path }) => path) };
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

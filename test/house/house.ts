// The house: every source file of it, read and parsed once for all the rules that are asked of it.
import { ROOT } from '../../deploy/build/source-tree.ts';
import { factsOf, type ParsedFile, parseTree, readSources, type SyntaxTree } from './source-file.ts';
import { listSources } from './source-list.ts';

export interface House {
  readonly trees: readonly SyntaxTree[];
  readonly files: readonly ParsedFile[];
}

let house: House | undefined;

/** The files as they are at the first call. */
export function readHouse(): House {
  house ??= parseHouse();
  return house;
}

function parseHouse(): House {
  const trees = readSources(ROOT, listSources(ROOT)).map(parseTree);
  return { trees, files: trees.map(factsOf) };
}

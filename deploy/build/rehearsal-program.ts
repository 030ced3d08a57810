// A rehearsal, in a process of its own: has a program load all of its parts, and keeps what V8 has compiled by then.
// Arguments: the script (code-cache.ts), and the cache to write.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

/** What a program takes itself for: on no machine is there anything beside it. */
const PROGRAM = '/rehearsal/program.cjs';

/** What a main exports is its parts: each loads what some run of the program needs. */
interface ProgramModule {
  readonly exports: Readonly<Record<string, Readonly<Record<string, () => Promise<unknown>>>>>;
}

type Program = (
  exports: object,
  require: NodeJS.Require,
  module: ProgramModule,
  filename: string,
  dirname: string,
) => void;

const [node = '', , source = '', cache = ''] = process.argv;

// Else V8 forgets functions that have not run for a while, and which they are depends on the machine.
setFlagsFromString('--no-flush-bytecode');
const script = new Script(readFileSync(source, 'latin1'), { filename: PROGRAM });
const start = script.runInThisContext() as Program;
// What is said at once, without a look at the machine. It is not to end the process.
process.argv = [node, PROGRAM, '--version'];
process.exit = (() => undefined) as typeof process.exit;
const module: ProgramModule = { exports: {} };
start(module.exports, createRequire(import.meta.url), module, PROGRAM, '/rehearsal');
// One after the other: in the order of the list.
for (const parts of Object.values(module.exports)) for (const load of Object.values(parts)) await load();
// A cache names the flags that it was made with.
setFlagsFromString('--flush-bytecode');
writeFileSync(cache, script.createCachedData());

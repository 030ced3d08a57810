// Heap growth: lets the heap of this process grow as a stream of bytes wants it, once the process has loaded what it needs.
import { setFlagsFromString } from 'node:v8';
import { HEAP_FLAG } from './runtime-flags.ts';

/**
 * Has V8 walk the whole heap rarely from now on. Modules of Node that are loaded afterwards are compiled from their source, so
 * this comes after the start. May be called twice.
 */
export function growHeapFreely(): void {
  setFlagsFromString(HEAP_FLAG);
}

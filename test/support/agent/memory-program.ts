// Makes garbage as a transfer does, gives memory back, and says how much of what it took the process still has, from 0 to 1.
import { giveMemoryBack } from '../../../services/agent/process/own-memory.ts';

/** As a read of a socket makes them; the C library has them in its heap. */
const BUFFER_BYTES = 64 * 1024;
const BUFFERS = 2_000;
/** One of so many stays, so that no end of the heap is free. */
const KEPT_EVERY = 20;

function residentBytes(): number {
  return process.memoryUsage.rss();
}

const before = residentBytes();
let buffers = Array.from({ length: BUFFERS }, () => Buffer.alloc(BUFFER_BYTES, 1));
const full = residentBytes();
buffers = buffers.filter((_, index) => index % KEPT_EVERY === KEPT_EVERY - 1);
giveMemoryBack();
const after = residentBytes();
console.log(JSON.stringify({ kept: (after - before) / (full - before), buffers: buffers.length }));

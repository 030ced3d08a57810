// The flags of Node that every program of ours runs with: memory for streams of bytes, not for large heaps; code that runs
// seldom but must be quick; no debugger.

/**
 * What a program is started with. None of them may change what V8 takes from a code cache: Node's own modules lie in its
 * binary with theirs, and a flag that V8 counts there makes each start compile them all from their source. That was a third
 * of the start of an agent (docs/decisions/0045). A test asks V8.
 *
 * Every read of a socket makes a buffer of 64 KiB outside of V8's heap. With its usual 16 MiB for young objects V8
 * collects them so rarely that the buffers pile up until it walks the whole heap, again and again, with helper threads
 * besides; with 1 or 2 MiB they are gone after some hundred reads, which costs next to nothing. Measured on a stream of
 * 32 KiB writes with 1 MiB: 30 % less CPU in a relay, 40 % in an agent, and a third less memory per idle agent; with 2 MiB
 * a fifth less again in both, and with 4 MiB no better than with 1.
 * SIGUSR1 makes Node open a debugger on a port of loopback, to whoever is on the machine; with the last one it is blocked
 * from the first moment on (what a program starts has it as the system has it: process.cc, libuv). The mains take it too,
 * for who starts them without flags.
 * The binaries carry them (deploy/build/sea-binary.ts).
 */
export const START_FLAGS = ['--max-semi-space-size=2', '--single-threaded-gc', '--disable-sigusr1'] as const;

/**
 * What V8 counts in code caches, and looks at only while the program works: programs that somebody waits for set them once they
 * have loaded what they need (work-flags.ts).
 *
 * Buffers that live a little longer count against the limit of the whole heap; with V8's usual 9 MiB above what is in
 * use it walks the heap every 90 MB of traffic, which was a quarter of a relay's CPU under sftp. At four times what is
 * in use it hardly ever does, and it stays within the limit that Node takes from the container all the same.
 * A key press runs some 400 functions in wsproxy and 650 in an agent, once each, with caches that have gone cold in between.
 * V8 compiles a function with Maglev when it has run 400 times, and not until what it knows of its types has held for 500: a
 * person has typed half a page by then. At 20 of each a key press among the first few hundred takes 0.2 ms less of 1.5
 * (docs/decisions/0046).
 */
export const WORK_FLAGS = [
  '--heap-growing-percent=300',
  '--invocation-count-for-maglev=20',
  '--minimum-invocations-after-ic-update=20',
] as const;

/** All of them: what a relay takes as it starts (services/relay/main.ts). */
export const NODE_FLAGS = [...START_FLAGS, ...WORK_FLAGS] as const;

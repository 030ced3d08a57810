// The children: which processes were started here and still run, and who is notified when they exit.
import { type ProcessEnd, UNKNOWN_END } from '../platform/process-end.ts';
import { processAddon } from './process-addon.ts';
import { processEndFrom } from './wait-status.ts';

type OnEnd = (end: ProcessEnd) => void;

/** One table per process, since signals and children are the process's own. Its listener stays from the first child on. */
const running = new Map<number, OnEnd>();
let isListening = false;

/**
 * To be called before a child is started, so that no end is missed. Only children that were started here are waited for, each
 * by its pid; those of Node's own child_process are left to it.
 */
export function listenForEnds(): void {
  if (isListening) return;
  isListening = true;
  // Signals come once for several children: look at all. The listener does not keep the process alive.
  process.on('SIGCHLD', collectAll);
}

/** Calls `onEnd` once, in a later turn. Only for a pid that this process has just got from its own fork. */
export function whenEnded(pid: number, onEnd: OnEnd): void {
  running.set(pid, onEnd);
}

/** Whether it is one of the children that `whenEnded` waits for. */
export function isRunningChild(pid: number): boolean {
  return running.has(pid);
}

function collectAll(): void {
  const addon = processAddon();
  for (const [pid, onEnd] of running) {
    const status = addon.collect(pid);
    if (status === undefined) continue;
    running.delete(pid);
    onEnd(status < 0 ? UNKNOWN_END : processEndFrom(status));
  }
}

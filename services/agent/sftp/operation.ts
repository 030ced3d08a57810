// An operation: one request, parsed, with what it touches and how it is carried out.

import type { Accounts } from './accounts.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Footprint } from './footprint.ts';
import type { HandleTable } from './handles.ts';
import { absolutePath } from './paths.ts';
import type { FieldReader } from './wire.ts';

export interface Operation {
  /** The path it is about, for messages; empty where there is none. */
  subject(): string;
  /** Asked before it runs, once everything it conflicts with so far is known. */
  footprint(): Footprint;
  /** Resolves to the reply packet; throws a Refusal or the system's error. */
  run(): Promise<Buffer>;
}

/** What operations share in one session. The session owns it; only `bytesRead` and `bytesWritten` change here. */
export interface OperationContext {
  readonly cwd: string;
  readonly home: string;
  readonly handles: HandleTable;
  /** For large replies; they go back when the channel has taken them. */
  readonly pool: BufferPool;
  readonly accounts: Accounts;
  readonly traffic: { bytesRead: number; bytesWritten: number };
  /** The client is gone: long work should stop. */
  isOver(): boolean;
  /** Long work tells that it goes on. */
  onActivity(): void;
}

/** Reads the fields after the request id; throws a Refusal where they are malformed. */
export type ParseOperation = (id: number, fields: FieldReader, context: OperationContext) => Operation;

export const LOOK: Footprint = { kind: 'look', cursor: undefined };
export const CHANGE: Footprint = { kind: 'change' };
export const NOTHING: Footprint = { kind: 'nothing' };

/** Reads a path field and makes it absolute. */
export function readPath(fields: FieldReader, context: OperationContext): Buffer {
  return absolutePath(fields.path(), context.cwd);
}

/** An operation on one path. */
export function pathOperation(path: Buffer, footprint: Footprint, run: () => Promise<Buffer>): Operation {
  return { subject: () => path.toString(), footprint: () => footprint, run };
}

/** An operation from one path to another. */
export function pairOperation(from: Buffer, to: Buffer, run: () => Promise<Buffer>): Operation {
  return { subject: () => `${from.toString()} -> ${to.toString()}`, footprint: () => CHANGE, run };
}

/** The path behind a handle, for messages. */
export function handleSubject(context: OperationContext, handle: Buffer): string {
  return context.handles.find(handle)?.path.toString() ?? '';
}

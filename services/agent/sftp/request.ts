// A request: parsed, with what it touches and how it is carried out.
import type { Accounts } from './accounts.ts';
import type { HandleTable } from './handles.ts';
import type { BufferPool, FieldReader } from './packet-reader.ts';
import { absolutePath } from './paths.ts';
import { okReply } from './replies.ts';
import type { Footprint } from './request-queue.ts';

export interface SftpRequest {
  /** The path it is about, for messages; empty where there is none. */
  subject(): string;
  /** Asked before it runs, once everything it conflicts with so far is known. */
  footprint(): Footprint;
  /** Resolves to the reply packet; throws a StatusRefusal or the system's error. */
  run(): Promise<Buffer>;
}

/** What the requests of one connection share. The connection owns it; only `bytesRead` and `bytesWritten` change here. */
export interface RequestContext {
  readonly cwd: string;
  readonly home: string;
  readonly handles: HandleTable;
  /** For large replies; they go back when the channel has taken them. */
  readonly pool: BufferPool;
  readonly accounts: Accounts;
  readonly traffic: SftpTraffic;
  /** The client is gone: long work should stop. */
  isOver(): boolean;
  /** Long work reports that it goes on. */
  onActivity(): void;
}

/** Bytes of files so far. */
export interface SftpTraffic {
  bytesRead: number;
  bytesWritten: number;
}

/** Reads the fields after the request id; throws a StatusRefusal where they are malformed. */
export type ParseRequest = (id: number, fields: FieldReader, context: RequestContext) => SftpRequest;

/** How the requests of one file are parsed, by the type of their packets. */
export type RequestTable = readonly (readonly [type: number, parse: ParseRequest])[];

export const LOOK: Footprint = { kind: 'look', cursor: undefined };
export const CHANGE: Footprint = { kind: 'change' };
export const NOTHING: Footprint = { kind: 'nothing' };

/** Reads a path field and makes it absolute. */
export function readPath(fields: FieldReader, context: RequestContext): Buffer {
  return absolutePath(fields.path(), context.cwd);
}

/** A request about one path. */
export function pathRequest(path: Buffer, footprint: Footprint, run: () => Promise<Buffer>): SftpRequest {
  return { subject: () => path.toString(), footprint: () => footprint, run };
}

/** Parses a request that does something from one path to another, and is answered with OK. */
export function parsePair(change: (from: Buffer, to: Buffer) => Promise<void>): ParseRequest {
  return (id, fields, context) => {
    const from = readPath(fields, context);
    const to = readPath(fields, context);
    return {
      subject: () => `${from.toString()} -> ${to.toString()}`,
      footprint: () => CHANGE,
      async run() {
        await change(from, to);
        return okReply(id);
      },
    };
  };
}

// A request: parsed, with what it touches and how it is carried out.
import type { JobFiles, SystemPath } from '../platform/job-files.ts';
import type { Accounts } from './accounts.ts';
import { type Attributes, readAttributes } from './attributes.ts';
import type { HandleTable } from './handles.ts';
import type { BufferPool, FieldReader } from './packet-reader.ts';
import { StatusRefusal } from './refusal.ts';
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
  readonly files: JobFiles;
  /** Both as clients see them. */
  readonly cwd: Buffer;
  readonly home: Buffer;
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

/** Reads a path field, as the system takes it. @throws PathError */
export function readPath(fields: FieldReader, { files, cwd }: RequestContext): SystemPath {
  return files.systemPath(fields.path(), cwd);
}

/** Reads what is to be changed of a file; throws a StatusRefusal where that cannot be. */
export function readChanges(fields: FieldReader, { files }: RequestContext): Attributes {
  const attributes = readAttributes(fields);
  if (attributes.owner !== undefined && files.ownerRefusal !== undefined) {
    throw new StatusRefusal('OP_UNSUPPORTED', files.ownerRefusal);
  }
  return attributes;
}

/** A request about one path. */
export function pathRequest(path: SystemPath, footprint: Footprint, run: () => Promise<Buffer>): SftpRequest {
  return { subject: () => path.toString(), footprint: () => footprint, run };
}

/** Parses a request that does something from one path to another, and is answered with OK. */
export function parsePair(change: (from: SystemPath, to: SystemPath) => Promise<void>): ParseRequest {
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

// The chain of records: each is signed with the host key of the job, and has the hash of the one before it.
import { createHash } from 'node:crypto';
import { AUDIT_NAMESPACE, type AuditMessage } from '#shared/protocol/audit.ts';
import { sshsigBlob, sshsigBytes } from '#shared/ssh/sshsig.ts';
import { printableJson } from '#shared/text/printable.ts';
import type { Clock } from '#shared/time/clock.ts';
import { JOB_RECORD_VERSION, type JobRecord } from './job-record.ts';

/** What signs: the host key of the job. */
export interface RecordSigner {
  /** SSH's wire form. */
  readonly blob: Buffer;
  /** SSH's signature blob. */
  sign(message: Buffer): Buffer;
}

export interface RecordChainOptions {
  /** The agent's ID. */
  readonly id: string;
  readonly signer: RecordSigner;
  readonly clock: Clock;
}

/** One for the life of a host key. Nobody else can make a link of it, leave one out, or change their order unnoticed. */
export class RecordChain {
  readonly #options: RecordChainOptions;
  readonly #hostKey: string;
  #seq = 0;
  /** SHA-256 of the last text in base64url; empty before the first. */
  #prev = '';

  constructor(options: RecordChainOptions) {
    this.#options = options;
    this.#hostKey = options.signer.blob.toString('base64');
  }

  /** How many links it has. */
  get length(): number {
    return this.#seq;
  }

  /** The next link. */
  add(record: JobRecord): AuditMessage {
    const { clock, id, signer } = this.#options;
    this.#seq += 1;
    const seq = this.#seq;
    const time = new Date(clock.wallTime()).toISOString();
    const head = { v: JOB_RECORD_VERSION, id, seq, prev: this.#prev, time };
    const text = printableJson(JSON.stringify({ ...head, ...record }));
    this.#prev = createHash('sha256').update(text).digest('base64url');
    const signature = sshsigBlob({
      key: signer.blob,
      namespace: AUDIT_NAMESPACE,
      signature: signer.sign(sshsigBytes(text, AUDIT_NAMESPACE)),
    });
    return { type: 'audit', seq, text, signature: signature.toString('base64'), hostKey: this.#hostKey };
  }
}

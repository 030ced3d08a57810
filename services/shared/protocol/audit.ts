// Audit records of a job: what an agent tells of its clients, signed with its host key, for a relay to pass on.

/** The use of the host key: no signature of an SSH connection, and no proof of identity, is made for it (PROTOCOL.sshsig). */
export const AUDIT_NAMESPACE = 'converge-audit';

/** The longest text that is signed, in characters; with its signature it fits into a control message. */
export const MAX_AUDIT_TEXT_LENGTH = 3_072;

/** The longest signature and the longest host key, in characters of base64: ours have 248 and 68. */
export const MAX_AUDIT_BASE64_LENGTH = 1_024;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Something that happened in a job, as its agent signed it. */
export interface AuditMessage {
  readonly type: 'audit';
  /** The place in the chain of this host key, from 1; as in `text`. */
  readonly seq: number;
  /** What was signed: JSON, docs/audit.md. */
  readonly text: string;
  /** The SSHSIG of it in AUDIT_NAMESPACE, base64. */
  readonly signature: string;
  /** The public key, SSH's wire form, base64. */
  readonly hostKey: string;
}

/** A relay has taken the messages up to this one: what its own record loses of them later, that record counts. */
export interface AuditTaken {
  readonly type: 'audit_taken';
  readonly seq: number;
}

export function isAuditBase64(text: string): boolean {
  return text.length <= MAX_AUDIT_BASE64_LENGTH && BASE64.test(text);
}

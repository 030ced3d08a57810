// Audit events: who did what, as the record has it.
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { Admittance } from '../session/needs.ts';
import type { ByteCounts } from '../session/session-table.ts';

/** What a relay sees and does. docs/audit.md has a table of each, made from deploy/build/pages/audit-schema.ts. */
export type AuditEvent =
  /** An agent was linked: for the first time, or again. */
  | {
      readonly event: 'agent_linked';
      readonly id: string;
      readonly epoch: number;
      readonly address: string;
      readonly admittance: Admittance | undefined;
      /** False after a re-dial, which shows a pass or, in an open relay, a grant. */
      readonly isFirst: boolean;
    }
  | {
      readonly event: 'agent_unlinked';
      readonly id: string;
      readonly epoch: number;
      readonly address: string;
      readonly reason: string;
      readonly seconds: number;
    }
  | {
      readonly event: 'session_started';
      readonly id: string;
      /** Names it among all sessions of the cluster. */
      readonly session: string;
      readonly client: string;
      readonly resumable: boolean;
      readonly admittance: Admittance | undefined;
    }
  | {
      readonly event: 'session_ended';
      readonly id: string;
      readonly session: string;
      readonly client: string;
      readonly reason: string;
      readonly by: 'client' | 'agent' | 'relay';
      readonly seconds: number;
      readonly bytes: ByteCounts;
    }
  | {
      readonly event: 'refused';
      readonly role: 'agent' | 'client' | 'other';
      readonly id: string | undefined;
      readonly address: string;
      readonly code: RefusalCode;
      readonly message: string;
    }
  /** Refusals of one code beyond those that have a line each. */
  | {
      readonly event: 'refused_more';
      readonly code: RefusalCode;
      readonly count: number;
      /** Of the busiest addresses, with their part of it. */
      readonly addresses: Readonly<Record<string, number>>;
    }
  | { readonly event: 'policy_loaded'; readonly sha256: string; readonly rules: readonly string[] }
  | { readonly event: 'policy_rejected'; readonly faults: readonly string[] }
  /** Somebody at the operator's page. `by` is the name that they gave. */
  | {
      readonly event: 'operator_acted';
      readonly by: string;
      readonly action: 'end_session' | 'end_agent' | 'block' | 'unblock';
      readonly target: string;
      readonly seconds?: number;
    }
  /** What only the agent knows, in its own words and signed with the host key of its job. */
  | {
      readonly event: 'job';
      readonly id: string;
      /** The signed text: JSON. */
      readonly text: string;
      /** The SSHSIG of it (OpenSSH's PROTOCOL.sshsig), base64. */
      readonly signature: string;
      /** The public key, SSH's wire form, base64. */
      readonly hostKey: string;
    }
  /** Lines that are nowhere, because what takes them did not, for too long. */
  | {
      readonly event: 'audit_lost';
      readonly count: number;
      /** When the first and the last of them would have been written, as ISO 8601. */
      readonly since: string;
      readonly until: string;
    };

export type AuditEventName = AuditEvent['event'];

export const AUDIT_EVENTS = [
  'agent_linked',
  'agent_unlinked',
  'session_started',
  'session_ended',
  'refused',
  'refused_more',
  'policy_loaded',
  'policy_rejected',
  'operator_acted',
  'job',
  'audit_lost',
] as const satisfies readonly AuditEventName[];

/** Takes what happens; never throws, never waits. */
export interface AuditLog {
  record(event: AuditEvent): void;
}

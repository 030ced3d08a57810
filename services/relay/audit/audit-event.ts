// Audit events: who did what, as the record has it.
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { Admittance } from '../session/needs.ts';
import type { ByteCounts } from '../session/session-table.ts';

/** What a relay sees and does. */
export type AuditEvent =
  /** An agent was linked: for the first time, or again. */
  | {
      readonly event: 'agent_linked';
      readonly id: string;
      readonly epoch: number;
      readonly address: string;
      readonly admittance: Admittance | undefined;
      /** False after a re-dial, which shows a pass. */
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
      readonly client: string;
      readonly resumable: boolean;
      readonly admittance: Admittance | undefined;
    }
  | {
      readonly event: 'session_ended';
      readonly id: string;
      readonly client: string;
      readonly reason: string;
      readonly by: 'client' | 'agent' | 'relay';
      readonly seconds: number;
      readonly bytes: ByteCounts;
    }
  | {
      readonly event: 'refused';
      readonly role: 'agent' | 'client';
      readonly id: string | undefined;
      readonly address: string;
      readonly code: RefusalCode;
      readonly message: string;
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
      /** SSH's signature blob, base64. */
      readonly signature: string;
      /** The public key, SSH's wire form, base64. */
      readonly hostKey: string;
    };

/** Takes what happens; never throws, never waits. */
export interface AuditLog {
  record(event: AuditEvent): void;
}

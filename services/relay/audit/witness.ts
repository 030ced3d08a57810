// The witness: what the core and the doors report, as audit events.
import type { PolicyRead } from '../policy/file/policy-watch.ts';
import type { Agent, AgentWitness } from '../session/agent-table.ts';
import type { SessionWitness } from '../session/session-table.ts';
import type { AuditEvent, AuditLog } from './audit-event.ts';

/** Hears of agents and sessions, and records them. */
export function witnessFor(audit: AuditLog): AgentWitness & SessionWitness {
  return {
    agentLinked({ id, epoch, address, admittance }: Agent, isFirst: boolean) {
      audit.record({ event: 'agent_linked', id, epoch, address, admittance, isFirst });
    },
    agentUnlinked({ id, epoch, address }, reason, seconds) {
      audit.record({ event: 'agent_unlinked', id, epoch, address, reason, seconds });
    },
    jobSaid({ id }, { text, signature, hostKey }) {
      audit.record({ event: 'job', id, text, signature, hostKey });
    },
    sessionStarted({ id, handle: session, client, resumable, route, admittance }) {
      // The pod where the client is knows who it is; the other would tell it twice.
      if (route === 'forwarding') return;
      audit.record({ event: 'session_started', id, session, client, resumable, admittance });
    },
    sessionEnded({ id, handle: session, client, route, bytes }, { reason, by, seconds }) {
      if (route === 'forwarding') return;
      const ended = { id, session, client, reason, by, seconds, bytes: { ...bytes } };
      audit.record({ event: 'session_ended', ...ended });
    },
  };
}

/** A version of the policy file was read. */
export function policyEventOf(version: PolicyRead): AuditEvent {
  switch (version.kind) {
    case 'loaded':
      return { event: 'policy_loaded', sha256: version.sha256, rules: version.rules };
    case 'rejected':
      return { event: 'policy_rejected', faults: version.faults };
  }
}

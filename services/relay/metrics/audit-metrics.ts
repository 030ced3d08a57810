// What is counted of the audit: the lines that were made, and those that got lost.
import { Counter, type Registry } from 'prom-client';
import { AUDIT_EVENTS } from '../audit/audit-event.ts';
import type { AuditRecorder } from '../audit/audit-trail.ts';
import { countFromZero } from './counter.ts';

export function countAudit(register: Registry): AuditRecorder {
  const events = countFromZero(
    register,
    'converge_audit_events_total',
    'Audit lines that were made, by event.',
    {
      event: AUDIT_EVENTS,
    },
  );
  const lost = new Counter({
    name: 'converge_audit_lost_total',
    help: 'Audit lines that are nowhere: what takes them did not for too long, refused them, or the relay had to end.',
    registers: [register],
  });
  const failures = new Counter({
    name: 'converge_audit_failures_total',
    help: 'Attempts to write or send audit lines that failed; each is followed by another, or by a loss.',
    registers: [register],
  });
  return {
    auditRecorded: (event) => {
      events.inc({ event });
    },
    auditLost: (count) => {
      lost.inc(count);
    },
    auditFailed: () => {
      failures.inc();
    },
  };
}

// What the SSH server reports, told to the audit first.
import type { JobAudit } from '../audit/job-audit.ts';
import type { SshEvents } from '../ssh/ssh-options.ts';

/** The same events, of which the audit hears too. */
export function auditedEvents(events: SshEvents, audit: JobAudit): SshEvents {
  return {
    ...events,
    asked: audit.asked,
    login(event) {
      audit.loggedIn(event);
      events.login(event);
    },
    logout(event) {
      audit.loggedOut(event);
      events.logout(event);
    },
    refused(event) {
      audit.refused(event);
      events.refused(event);
    },
  };
}

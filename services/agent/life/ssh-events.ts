// What the SSH server reports: into the job log, and on to the expiry, which counts who is here.
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Attendance } from '../crowd/attendance.ts';
import type { ExpiryWatch } from '../expiry/expiry-watch.ts';
import type { JobLog } from '../notices/job-log.ts';
import type { StrangerLog } from '../notices/stranger-log.ts';
import type { SshEvents } from '../ssh/ssh-options.ts';
import type { Company } from './company.ts';
import { credentialFrom } from './credential.ts';

export interface SshEventsOptions {
  readonly log: JobLog;
  /** For what anybody can cause. */
  readonly strangers: StrangerLog;
  readonly watch: ExpiryWatch;
  readonly attendance: Attendance;
  readonly company: Company;
  /** The number of clients has changed, and the watch knows. */
  readonly onClients: () => void;
}

/** The events of an SSH server that counts its clients in `attendance`. */
export function sshEventsFrom(options: SshEventsOptions): SshEvents {
  const { log, strangers, watch, attendance, company, onClients } = options;
  return {
    login(event) {
      const { address, user } = event;
      watch.clientLoggedIn();
      company.joined(event);
      const credential = credentialFrom(event);
      log.tell({ kind: 'logged_in', address, user: new Untrusted(user), credential });
      onClients();
    },
    logout(event) {
      const { address, user, seconds, reason, wasServed } = event;
      company.left(event);
      const about = {
        address,
        user: new Untrusted(user),
        connectedMs: seconds * 1_000,
        clients: attendance.count,
      };
      if (!wasServed) {
        log.tell({ kind: 'passed_by', ...about });
        void watch.clientPassedBy().then(onClients);
      } else if (reason === 'lost' || reason === 'fault') {
        watch.clientLost();
        log.tell({ kind: 'lost', ...about, reason, deadline: watch.snapshotOrEnd().deadline });
        onClients();
      } else {
        log.tell({ kind: 'logged_out', ...about });
        void watch.clientLeft().then(onClients);
      }
    },
    refused({ address, user, detail, attempt }) {
      const [name, reason] = [new Untrusted(user), new Untrusted(detail)];
      strangers.tell({ kind: 'refused', address, user: name, reason, attempt }, address);
    },
    turnedAway({ address }) {
      strangers.turnedAway(address);
    },
    activity() {
      watch.activity();
    },
    log(text, fields) {
      const { address } = fields;
      strangers.tell({ kind: 'ssh', text, fields }, typeof address === 'string' ? address : '');
    },
  };
}

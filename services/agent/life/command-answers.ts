// What the agent answers when somebody in a session asks it by `converge`.
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Credentials } from '../access/credentials.ts';
import { allowKey } from '../access/key-allowance.ts';
import type { PasswordGuard, PasswordState } from '../access/password-guard.ts';
import type { ConvergeAnswers } from '../converge-command/answering-end.ts';
import type { PresentPerson } from '../converge-command/status-reply.ts';
import type { ExpirySnapshot } from '../expiry/expiry-snapshot.ts';
import type { ExpiryWatch } from '../expiry/expiry-watch.ts';
import type { JobLog } from '../notices/job-log.ts';
import { untilText } from '../notices/log-line.ts';
import { type SshDestination, sshCommand } from '../notices/ssh-command.ts';
import type { PresentClient } from '../ssh/ssh-options.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import { credentialFrom } from './credential.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface CommandAnswersOptions {
  readonly clock: Clock;
  /** How people reach this job by a relay. */
  readonly destinationAt: (publicUrl: string) => SshDestination;
  readonly id: string;
  /** How long a hold is that names no duration. */
  readonly timeoutMs: number;
  readonly credentials: Credentials;
  readonly guard: PasswordGuard;
  readonly log: JobLog;
  readonly watch: ExpiryWatch;
  readonly ssh: Pick<SshServer, 'clients'>;
  readonly lifecycle: Lifecycle;
}

/** The answers of an agent that is made of these parts. */
export function commandAnswersFrom(options: CommandAnswersOptions): ConvergeAnswers {
  const { clock, destinationAt, id, timeoutMs, credentials, guard, log, watch, ssh, lifecycle } = options;

  function turnPassword(state: 'on' | 'off'): PasswordState | undefined {
    if (credentials.kind !== 'password') return undefined;
    if (state === 'on') guard.turnOn();
    else guard.turnOff();
    log.tell({ kind: 'password_turned', state });
    return guard.state;
  }

  return {
    status: () => ({
      id,
      ...lifecycle.whereabouts,
      people: ssh.clients().map((client) => personFrom(client, clock)),
      password: credentials.kind === 'password' ? guard.state : undefined,
      expiry: watch.snapshot(),
    }),
    hold: (ms = timeoutMs) => watch.hold(ms),
    release: () => watch.release(),
    password: turnPassword,
    allow(line) {
      const allowance = allowKey(credentials, line);
      if (allowance.kind === 'allowed') {
        const { comment, fingerprint } = allowance;
        log.tell({ kind: 'key_allowed', fingerprint, comment: new Untrusted(comment) });
      }
      return allowance;
    },
    end: () => {
      watch.end('ended_by_user');
    },
    judge: (verdict) => lifecycle.judge(verdict),
    stop: () => watch.end('stopped'),
    async jobDone(lingerMs) {
      await watch.jobDone(lingerMs);
      const expiry = watch.snapshot();
      if (expiry === undefined) return;
      log.tell({ kind: 'note', text: jobDoneText(expiry, clock.wallTime()) });
      if (expiry.clients > 0) return;
      // Where people look now, the card is far above, or in the log of another step.
      const line = sshCommand(destinationAt(lifecycle.whereabouts.publicUrl));
      log.tell({ kind: 'note', text: `to get in: ${line}` });
    },
    cancel: () => watch.end('cancelled'),
  };
}

/** What the job waits for, now that it is done. */
function jobDoneText({ clients, deadline, heldBy }: ExpirySnapshot, now: number): string {
  const until = untilText(deadline, now);
  if (heldBy === 'file') return `the job is done and held by .hold, until ${until}`;
  if (heldBy === 'memory') return `the job is done and held, without .hold, until ${until}`;
  if (clients === 0) return `the job is done and waits for somebody to connect, until ${until}`;
  const who = clients === 1 ? '1 client is' : `${clients} clients are`;
  return `the job is done and waits: ${who} logged in; until the last one leaves, or ${until}`;
}

function personFrom(client: PresentClient, clock: Clock): PresentPerson {
  const { address, user, since, occupation, isDetached } = client;
  return {
    user: new Untrusted(user),
    address,
    since: clock.wallTime() - (clock.now() - since),
    credential: credentialFrom(client),
    isDetached,
    ...occupation,
  };
}

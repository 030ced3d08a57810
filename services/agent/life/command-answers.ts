// What the agent answers when somebody in a session asks it by `converge`.
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Credentials } from '../access/credentials.ts';
import { allowKey } from '../access/key-allowance.ts';
import type { PasswordGuard, PasswordState } from '../access/password-guard.ts';
import type { ConvergeAnswers } from '../converge-command/answering-end.ts';
import type { PresentPerson } from '../converge-command/status-reply.ts';
import type { ExpiryWatch } from '../expiry/expiry-watch.ts';
import type { JobLog } from '../notices/job-log.ts';
import type { PresentClient } from '../ssh/ssh-options.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import { credentialFrom } from './credential.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface CommandAnswersOptions {
  readonly id: string;
  /** How long a hold is that names no duration. */
  readonly timeoutMs: number;
  readonly credentials: Credentials;
  readonly guard: PasswordGuard;
  readonly log: JobLog;
  readonly watch: ExpiryWatch;
  readonly clock: Clock;
  readonly ssh: Pick<SshServer, 'clients'>;
  readonly lifecycle: Lifecycle;
}

/** The answers of an agent that is made of these parts. */
export function commandAnswersFrom(options: CommandAnswersOptions): ConvergeAnswers {
  const { id, timeoutMs, credentials, guard, log, watch, clock, ssh, lifecycle } = options;

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
  };
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

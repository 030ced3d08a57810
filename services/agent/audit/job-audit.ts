// The audit of a job: what clients of the agent do, as records. Nothing of what they say or see is among it.
import { clientSourceOf } from '#shared/protocol/address.ts';
import { printable } from '#shared/text/printable.ts';
import type { Clock } from '#shared/time/clock.ts';
import { Summary } from '#shared/time/summary.ts';
import type {
  AskedEvents,
  FileAsked,
  ForwardAsked,
  ProgramEnded,
  ProgramStarted,
} from '../ssh/asked-events.ts';
import type { LoginCertificate, LoginEvent, LogoutEvent, RefusedEvent } from '../ssh/ssh-options.ts';
import { commandNameOf } from './command-name.ts';
import type { JobRecord } from './job-record.ts';

/** Of what others chose, in characters: a user's name, a principal. */
const MAX_WORD_LENGTH = 48;
/** A key ID, a host. */
const MAX_PHRASE_LENGTH = 128;
/** Paths, a reason. */
const MAX_SENTENCE_LENGTH = 512;

/** Of a certificate. */
const MAX_PRINCIPALS = 6;

/** How many failed logins have a record each in SUMMARY_EVERY_MS; the others are counted in one. */
export const FIRST_FAILED_LOGINS = 10;

/** How many of these may be from one address. */
export const FIRST_FAILED_LOGINS_OF_ADDRESS = 5;

/** How many targets of forwards of one connection have a record each; streams to further ones are only counted. */
export const MAX_TOLD_TARGETS = 64;

export interface JobAuditOptions {
  readonly clock: Clock;
  /** Takes records. */
  readonly records: { tell(record: JobRecord): void };
  /** Whether paths are told. */
  readonly withPaths: boolean;
}

/** What is known of a connection. */
interface Connection {
  /** Targets that have a record. */
  readonly targets: Set<string>;
  forwards: number;
}

export class JobAudit {
  readonly #options: JobAuditOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #failures: Summary;

  constructor(options: JobAuditOptions) {
    this.#options = options;
    this.#failures = new Summary({
      clock: options.clock,
      firstOfKind: FIRST_FAILED_LOGINS,
      firstOfSource: FIRST_FAILED_LOGINS_OF_ADDRESS,
      onRests: (rests) => {
        for (const { count, sources } of rests)
          this.#tell({ event: 'logins_refused', count, addresses: Object.fromEntries(sources) });
      },
    });
  }

  /** What the SSH server reports of what clients ask for. */
  get asked(): AskedEvents {
    return {
      started: (event) => this.#started(event),
      ended: (event) => this.#ended(event),
      forward: (event) => this.#forward(event),
      ...(this.#options.withPaths ? { file: (event: FileAsked) => this.#file(event) } : {}),
    };
  }

  loggedIn({ clientId: connection, address, user, method, key, certificate }: LoginEvent): void {
    this.#connections.set(connection, { targets: new Set(), forwards: 0 });
    const keyed = key === undefined ? {} : { key: key.fingerprint };
    const certified = certificate === undefined ? {} : { certificate: certificateRecord(certificate) };
    const by = { method, ...keyed, ...certified };
    this.#tell({ event: 'login', connection, address, user: word(user), ...by });
  }

  loggedOut({ clientId: connection, address, user, reason, seconds, wasServed }: LogoutEvent): void {
    const { forwards = 0 } = this.#connections.get(connection) ?? {};
    this.#connections.delete(connection);
    const about = { address, user: word(user), reason, seconds, wasServed, forwards };
    this.#tell({ event: 'logout', connection, ...about });
  }

  refused({ clientId: connection, address, user, method, detail }: RefusedEvent): void {
    if (!this.#failures.admit('logins', clientSourceOf(address))) return;
    const why = printable(detail, MAX_SENTENCE_LENGTH);
    this.#tell({ event: 'login_refused', connection, address, user: word(user), method: word(method), why });
  }

  /** The job is no longer open. Tells what was counted, and nothing more from then on. */
  close(reason: string): void {
    this.#failures.flush();
    this.#tell({ event: 'job_closed', reason });
  }

  #started({ clientId: connection, channel, what, command, terminal, isForced }: ProgramStarted): void {
    const named = command === undefined ? {} : { command: commandNameOf(command) };
    this.#tell({ event: 'program_started', connection, channel, what, ...named, terminal, isForced });
  }

  #ended({ clientId: connection, channel, exit, seconds, received, sent }: ProgramEnded): void {
    const how = exit === undefined ? {} : exit.kind === 'code' ? { exit: exit.code } : { signal: exit.name };
    const bytes = { received, sent };
    this.#tell({ event: 'program_ended', connection, channel, ...how, seconds, bytes });
  }

  /** A browser behind `ssh -D` opens hundreds of streams to a few hosts: each host is told once. */
  #forward({ clientId: connection, direction, isAllowed, host, port, path }: ForwardAsked): void {
    const known = this.#connections.get(connection);
    if (known === undefined) return;
    known.forwards += 1;
    const target = targetOf(host, port, path);
    const key = `${direction} ${target ?? ''} ${path ?? ''}`;
    if (known.targets.has(key) || known.targets.size >= MAX_TOLD_TARGETS) return;
    known.targets.add(key);
    const place = path !== undefined && this.#options.withPaths ? { path: sentence(path) } : {};
    const aimed = target === undefined ? {} : { target };
    this.#tell({ event: 'forward', connection, direction, isAllowed, ...aimed, ...place });
  }

  #file({ clientId: connection, channel, request, path }: FileAsked): void {
    this.#tell({ event: 'file', connection, channel, request, path: sentence(path) });
  }

  #tell(record: JobRecord): void {
    this.#options.records.tell(record);
  }
}

function targetOf(
  host: string | undefined,
  port: number | undefined,
  path: string | undefined,
): string | undefined {
  if (path !== undefined) return 'socket';
  return host === undefined ? undefined : `${printable(host, MAX_PHRASE_LENGTH)}:${port ?? 0}`;
}

function certificateRecord({ keyId, serial, caFingerprint, principals }: LoginCertificate) {
  return {
    keyId: printable(keyId, MAX_PHRASE_LENGTH),
    serial,
    authority: caFingerprint,
    principals: principals.slice(0, MAX_PRINCIPALS).map(word),
  };
}

function word(text: string): string {
  return printable(text, MAX_WORD_LENGTH);
}

function sentence(text: string): string {
  return printable(text, MAX_SENTENCE_LENGTH);
}

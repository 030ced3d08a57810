// The lifecycle of an agent: what it does when a relay takes it, loses it or refuses it, and how it ends.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Welcome } from '#shared/protocol/control-messages.ts';
import type { PrintableLine } from '#shared/text/printable.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import type { JobAudit } from '../audit/job-audit.ts';
import type { UntoldRecords } from '../audit/untold-records.ts';
import { AGENT_EXIT_CODES, type AgentExitCode, exitCodeFor, failureOf } from '../command-line/exit-code.ts';
import type { ConvergeCommand } from '../converge-command/answering-end.ts';
import { type AgentEnd, endWith, type JobVerdict, NO_VERDICT } from '../expiry/agent-end.ts';
import type { EndReason } from '../expiry/end-reason.ts';
import type { ExpiryWatch } from '../expiry/expiry-watch.ts';
import type { JobLog } from '../notices/job-log.ts';
import type { LogEvent } from '../notices/log-line.ts';
import { printedUrlFrom } from '../notices/ssh-command.ts';
import type { StrangerLog } from '../notices/stranger-log.ts';
import type { UnreadableDials } from '../notices/unreadable-dials.ts';
import { lastWordsFrom } from '../notices/warning.ts';
import type { LinkFailure } from '../relay/link-failure.ts';
import type { RelayLink } from '../relay/relay-link.ts';
import type { StreamIntake } from '../relay/stream-intake.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import type { Outlets } from '../tell/outlets.ts';
import { announced, CALLING, cutOff, ENDING, type Life, linkedAgain } from './life.ts';

// The end takes no longer than the SSH server's STOP_TIMEOUT_MS, LAST_RECORDS_WITHIN_MS, LAST_NOTICES_WITHIN_MS and these two
// together. It waits for no program, whatever that does with its SIGHUP, and for no file system.
/** How long the last bytes of the clients may take at the end. */
const LAST_BYTES_WITHIN_MS = 5_000;
/** How long the hold file and those of the `converge` command may take to go. */
export const REMOVED_WITHIN_MS = 2_000;

/** A relay that leaves less than this, in milliseconds, leaves no time to copy a command: nothing is announced then. */
export const SHORTEST_ANNOUNCED_MS = 10_000;

/** Ends that are no failure, also of an agent that no relay has taken yet. */
const ASKED_FROM_OUTSIDE: ReadonlySet<EndReason> = new Set(['signal', 'cancelled', 'stopped', 'job_done']);

/** The parts that it speaks by, and those that it stops in the end. */
export interface AgentLifecycleOptions {
  readonly clock: Clock;
  /** http(s)://HOST, where the person who started it would look. */
  readonly ownUrl: string;
  readonly log: JobLog;
  readonly strangers: Pick<StrangerLog, 'stop'>;
  readonly unreadable: Pick<UnreadableDials, 'stop'>;
  readonly command: Pick<ConvergeCommand, 'stop'> | undefined;
  readonly watch: Pick<ExpiryWatch, 'end' | 'relayLeaves' | 'snapshotOrEnd' | 'stop' | 'tidy'>;
  readonly link: Pick<RelayLink, 'stop'>;
  readonly audit: Pick<JobAudit, 'close'>;
  readonly records: Pick<UntoldRecords, 'told' | 'stop'>;
  readonly ssh: Pick<SshServer, 'stop'>;
  readonly intake: Pick<StreamIntake, 'stop'>;
  /** What is said when the first relay has taken it. */
  readonly announcement: (
    publicUrl: string,
    deadline: number,
    hasTerminal: boolean,
  ) => readonly PrintableLine[];
  /** What a CI system shows in a second place when a relay refuses the agent. */
  readonly refusalNotice: (message: string) => readonly PrintableLine[];
  /** Where else it is told what happens. */
  readonly outlets: Pick<Outlets, 'close'>;
  readonly print: (line: PrintableLine) => void;
  readonly complain: (line: string) => void;
  /** The announcement has been printed. */
  readonly onAnnounced: () => void;
}

/** Begins as `calling`; every method may be called in every state. */
export class Lifecycle {
  /** Resolves when everything is closed and said. */
  readonly ended: Promise<AgentEnd>;
  readonly #options: AgentLifecycleOptions;
  readonly #resolve: (end: AgentEnd) => void;
  #life: Life = CALLING;
  #verdict: JobVerdict = NO_VERDICT;

  constructor(options: AgentLifecycleOptions) {
    const { promise, resolve } = Promise.withResolvers<AgentEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#options = options;
  }

  /** Whether a relay lets people in, and where they find it. */
  get whereabouts(): { readonly publicUrl: string; readonly isRelayConnected: boolean } {
    const publicUrl = 'publicUrl' in this.#life ? this.#life.publicUrl : this.#options.ownUrl;
    return { publicUrl, isRelayConnected: this.#life.kind === 'linked' };
  }

  /** A relay has taken the agent. */
  welcomed({ publicUrl, pod, lifetimeMs, terminal }: Welcome): void {
    const { log, ownUrl, watch } = this.#options;
    const isTooShort = lifetimeMs > 0 && lifetimeMs < SHORTEST_ANNOUNCED_MS;
    if (this.#life.kind === 'calling' && isTooShort) return watch.end('relay_lifetime');
    // Before anything is announced: the card says until when.
    watch.relayLeaves(lifetimeMs);
    switch (this.#life.kind) {
      case 'calling': {
        // What a relay announces goes into commands that people paste.
        const usableUrl = printedUrlFrom(publicUrl) ?? ownUrl;
        this.#announce(usableUrl, terminal);
        const cancelReminder = log.remind(() => this.#reminder());
        this.#life = announced({ publicUrl: usableUrl, cancelReminder });
        return;
      }
      case 'cut_off':
        this.#life = linkedAgain(this.#life);
        return log.tell({ kind: 'relay_back', pod: new Untrusted(pod) });
      case 'linked':
      case 'ending':
        // A relay that restarts handed it over to another; or nobody will come any more.
        return;
    }
  }

  /** No relay has the agent any more; it dials. */
  relayLost(reason: CloseReason): void {
    if (this.#life.kind !== 'linked') return;
    this.#life = cutOff(this.#life, this.#options.clock.now());
    this.#options.log.tell({ kind: 'relay_lost', reason });
  }

  /** A relay did not take it; it goes on dialling. */
  troubled({ kind, message, patienceMs }: LinkFailure): void {
    const { complain, watch } = this.#options;
    if (patienceMs === 0) return;
    const seconds = `${Math.ceil(Math.min(patienceMs, watch.snapshotOrEnd().remainingMs) / 1_000)} s`;
    if (kind === 'usurped')
      return complain(
        `${message}; trying to get it back for ${seconds}, and for as long as somebody is here`,
      );
    const patience = this.#life.kind === 'calling' ? seconds : 'as long as the job is open';
    complain(`${message}; trying again for ${patience}`);
  }

  /** No relay takes it, and it dials no more. */
  failed({ kind, message }: LinkFailure): void {
    const { complain, print, refusalNotice } = this.#options;
    complain(message);
    if (kind === 'refused') for (const line of refusalNotice(message)) print(line);
    void this.#end(undefined, exitCodeFor(kind));
  }

  /** Somebody said what becomes of the job: it ends now. The first word counts. */
  judge(verdict: Exclude<JobVerdict, { kind: 'none' }>): void {
    if (this.#life.kind === 'ending') return;
    this.#verdict = verdict;
    this.#options.watch.end(verdict.kind === 'continue' ? 'continued' : 'failed_by_user');
  }

  /** Its time is over, or somebody asked for its end. */
  expired(reason: EndReason): void {
    if (this.#life.kind !== 'calling' || ASKED_FROM_OUTSIDE.has(reason)) {
      return void this.#end(reason, AGENT_EXIT_CODES.ended);
    }
    if (reason === 'relay_lifetime') {
      this.#options.complain('the relay takes this agent, but leaves it no time for anybody to come');
      return void this.#end(undefined, AGENT_EXIT_CODES.refused);
    }
    this.#options.complain('no relay took this agent before the deadline');
    // Without a reason: it is not surprising that nobody logged in.
    void this.#end(undefined, AGENT_EXIT_CODES.unreachable);
  }

  async #end(reason: EndReason | undefined, code: AgentExitCode): Promise<void> {
    const { log, watch, ssh, intake, link, audit, records, unreadable, strangers } = this.#options;
    if (this.#life.kind === 'ending') return;
    if (this.#life.kind !== 'calling') this.#life.cancelReminder();
    this.#life = ENDING;
    watch.stop();
    const tidied = watch.tidy();
    await ssh.stop(lastWordsFrom(reason));
    await intake.stop({ reason: 'expired' }, LAST_BYTES_WITHIN_MS);
    audit.close(reason ?? 'failed');
    await records.told();
    records.stop();
    link.stop();
    unreadable.stop();
    strangers.stop();
    await this.#filesGone(tidied);
    const end = endWith(this.#verdict, code);
    log.tell(
      reason === undefined
        ? { kind: 'failed', reason: failureOf(code), exitCode: code }
        : { kind: 'ended', reason, exitCode: end.code },
    );
    await this.#options.outlets.close();
    this.#resolve(end);
  }

  async #filesGone(tidied: Promise<void>): Promise<void> {
    const { clock, command, log } = this.#options;
    const done = new AbortController();
    const stopped = command?.stop().catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error);
      log.tell({ kind: 'note', text: `the files of \`converge\` stay: ${detail}` });
    });
    await Promise.race([Promise.all([tidied, stopped]), pause(clock, REMOVED_WITHIN_MS, done.signal)]);
    done.abort();
  }

  #announce(publicUrl: string, hasTerminal: boolean): void {
    const { announcement, print, watch } = this.#options;
    for (const line of announcement(publicUrl, watch.snapshotOrEnd().deadline, hasTerminal)) print(line);
    this.#options.onAnnounced();
  }

  #reminder(): LogEvent | undefined {
    const { clock, watch } = this.#options;
    const { clients, deadline, isJobRunning } = watch.snapshotOrEnd();
    // A job that runs waits for nobody.
    if (clients > 0 || isJobRunning) return undefined;
    if (this.#life.kind !== 'cut_off') return { kind: 'waiting', deadline };
    const since = clock.wallTime() - (clock.now() - this.#life.since);
    return { kind: 'cut_off', since, deadline };
  }
}

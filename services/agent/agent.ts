// The agent, put together: one SSH server, fed by the relay, that ends by itself.

import { createClaim } from '#shared/protocol/claim.ts';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Welcome } from '#shared/protocol/control-messages.ts';
import { faultText } from '#shared/text/fault-text.ts';
import { Summary } from '#shared/text/summary.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { pause } from '#shared/time/pause.ts';
import { prepareCredentials } from './access/credentials-source.ts';
import { PasswordGuard, type PasswordState } from './access/password-guard.ts';
import { fetchThroughProxies } from './access/proxied-fetch.ts';
import { makeAgentId } from './access/random-token.ts';
import type { AgentOptions } from './command-line/cli.ts';
import { AGENT_EXIT_CODES, type AgentExitCode, exitCodeFor } from './command-line/exit-code.ts';
import { type SessionCommand, startSessionCommand } from './converge-command/answering-end.ts';
import type { EndReason } from './expiry/end-reason.ts';
import { startExpiryWatch } from './expiry/expiry-watch.ts';
import { holdFilePath } from './expiry/hold-file.ts';
import { announced, CALLING, cutOff, ENDING, type Life, linkedAgain } from './expiry/life.ts';
import { detectCiJob } from './job/ci-job.ts';
import { jobEnvironment } from './job/job-environment.ts';
import { chooseShell } from './job/shell.ts';
import { announcementFrom } from './notices/announcement.ts';
import { CLIENT_DIGESTS } from './notices/client-digests.ts';
import { greetingFrom } from './notices/greeting.ts';
import { createJobLog } from './notices/job-log.ts';
import type { LogEvent } from './notices/log-line.ts';
import { printedUrlFrom } from './notices/ssh-command.ts';
import { createStrangerLog } from './notices/stranger-log.ts';
import { farewellFrom, warningFrom } from './notices/warning.ts';
import type { LinkFailure } from './relay/link-failure.ts';
import { startRelayLink } from './relay/relay-link.ts';
import { resumptionFrom } from './relay/resumption.ts';
import { createStreamIntake } from './relay/stream-intake.ts';
import { generateHostKey } from './ssh/keys/host-key.ts';
import { createSshServer } from './ssh/ssh-server.ts';
import { sshEventsFrom } from './ssh-events.ts';
import type { AgentSurroundings } from './surroundings.ts';

// The end takes no longer than the SSH server's STOP_TIMEOUT_MS and these two: no program in a session is waited for,
// whatever it does with its SIGHUP, and no file system.
/** How long the last bytes of the sessions may take at the end. */
const LAST_BYTES_WITHIN_MS = 5_000;
/** How long the files of the `converge` command may take to go. */
const REMOVED_WITHIN_MS = 2_000;

export type AgentStart =
  | {
      readonly kind: 'running';
      readonly ended: Promise<AgentExitCode>;
      /** Ends as at the deadline. May be called twice. */
      readonly end: (reason: EndReason) => void;
    }
  /** Nothing was started; what was wrong has been said. */
  | { readonly kind: 'failed'; readonly code: AgentExitCode };

/** Starts an agent; the time of its life begins now. */
export async function startAgent(options: AgentOptions, around: AgentSurroundings): Promise<AgentStart> {
  const { clock, random, env, cwd, print, complain } = around;
  const prepared = await prepareCredentials(options, fetchThroughProxies(env));
  if (prepared.kind === 'failed') {
    for (const fault of prepared.faults) complain(fault);
    return { kind: 'failed', code: AGENT_EXIT_CODES.bad_arguments };
  }
  const { credentials, entry, notes } = prepared;
  for (const note of notes) complain(note);

  const { promise: ended, resolve } = Promise.withResolvers<AgentExitCode>();
  const { timeoutMs, maxLifetimeMs, resumeWindowMs } = options;
  const { base, id = makeAgentId() } = options.relay;
  const target = { base, id, claim: createClaim(), proxy: around.proxy, mask: around.mask };
  const hostKey = generateHostKey();
  const job = detectCiJob(env);
  const log = createJobLog({ clock, print, isQuiet: options.isQuiet });
  const strangers = createStrangerLog({ clock, log, known: (address) => ssh.known(address) });
  let life: Life = CALLING;

  const inSession = await startSessionCommand({
    clock,
    program: around.program,
    temporaryDirectory: around.temporaryDirectory,
    lastResorts: [cwd, ...(env['HOME'] === undefined ? [] : [env['HOME']])],
    path: env['PATH'],
    handlers: {
      status: () => ({
        id,
        publicUrl: 'publicUrl' in life ? life.publicUrl : ownUrl(),
        isRelayConnected: life.kind === 'linked',
        detached: intake.detached(),
        password: credentials.kind === 'password' ? guard.state : undefined,
        expiry: watch.snapshot(),
      }),
      hold: (ms = timeoutMs) => watch.hold(ms),
      release: () => watch.release(),
      password: turnPassword,
      end: () => {
        watch.end('ended_by_user');
      },
    },
  });
  const command = inSession.kind === 'started' ? inSession.command : undefined;
  if (inSession.kind === 'unavailable') {
    log.tell({ kind: 'note', text: `no \`converge\` command in the sessions: ${inSession.detail}` });
  }

  const guard = new PasswordGuard({
    clock,
    onTooMany(failures) {
      log.tell({ kind: 'password_shut', failures, command: command?.path });
    },
  });

  const watch = startExpiryWatch({
    clock,
    holdFile: holdFilePath(cwd),
    timeoutMs,
    maxLifetimeMs,
    onWarning(_level, remainingMs) {
      log.tell({ kind: 'warning', remainingMs });
      ssh.notify(warningFrom({ remainingMs, isCapped: watch.snapshotOrEnd().isCapped }));
    },
    onHoldChanged({ isHeld, deadline, clients }) {
      log.tell(isHeld ? { kind: 'held', deadline } : { kind: 'released', deadline, clients });
    },
    onDeadlineMoved: report,
    onHoldUnreadable(code) {
      log.tell({ kind: 'hold_unreadable', code });
    },
    onEnd: expired,
  });

  const ssh = createSshServer({
    hostKey,
    credentials,
    guard,
    random,
    shell: chooseShell(options.shell, env),
    cwd,
    env: { ...jobEnvironment(env, around.environmentBlock), ...command?.env },
    forwarding: options.allowsForwarding,
    clock,
    greeting() {
      const { deadline, isHeld } = watch.snapshotOrEnd();
      const hasCommand = command !== undefined;
      const lines = greetingFrom({ job, now: clock.wallTime(), deadline, isHeld, hasCommand });
      return `${lines.join('\n')}\n`;
    },
    events: sshEventsFrom({ log, strangers, watch, clients: () => ssh.clients().length, onClients: report }),
  });

  const intake = createStreamIntake({
    target,
    clock,
    random,
    resumeWindowMs,
    known: (address) => ssh.known(address),
    onTurnedAway: (address) => strangers.turnedAway(address),
    onSession(duplex, client) {
      strangers.tell({ kind: 'connected', address: client.address }, client.address);
      ssh.serve(duplex, client);
    },
    onEvent(event, address) {
      if (event.kind !== 'opened' && event.kind !== 'finished') {
        strangers.tell({ kind: 'resume', event, address }, address);
      }
      const resumption = resumptionFrom(event);
      if (resumption !== undefined) link.tell(resumption);
      report();
    },
    onFailed(detail, address) {
      const text = `could not open the stream for ${address}: ${detail}`;
      strangers.tell({ kind: 'note', text }, address);
    },
  });

  const unreadable = new Summary({
    clock,
    firstOfKind: 1,
    firstOfSource: 1,
    onRest({ kind, count }) {
      log.tell({ kind: 'note', text: `ignored ${count} more dial orders: ${kind}` });
    },
  });

  const link = startRelayLink({
    target,
    clock,
    random,
    onWelcome: welcomed,
    onDial: (dial) => intake.answer(dial),
    onUnreadableDial(detail) {
      if (unreadable.admit(detail, '')) log.tell({ kind: 'note', text: `ignored a dial order: ${detail}` });
    },
    onLost: relayLost,
    onTrouble: troubled,
    isBusy: () => watch.snapshotOrEnd().clients > 0,
    onFailed: failed,
  });
  report();
  return { kind: 'running', ended, end: (reason) => watch.end(reason) };

  // ── transitions ──

  function welcomed({ publicUrl, pod }: Welcome): void {
    switch (life.kind) {
      case 'calling': {
        // What a relay announces goes into commands that people paste.
        const usableUrl = printedUrlFrom(publicUrl) ?? ownUrl();
        announce(usableUrl);
        life = announced({ publicUrl: usableUrl, cancelReminder: log.remind(reminder) });
        return;
      }
      case 'cut_off':
        life = linkedAgain(life);
        return log.tell({ kind: 'relay_back', pod: new Untrusted(pod) });
      case 'linked':
      case 'ending':
        // A relay that restarts handed it over to another; or nobody will come any more.
        return;
    }
  }

  function relayLost(reason: CloseReason): void {
    if (life.kind !== 'linked') return;
    life = cutOff(life, clock.now());
    log.tell({ kind: 'relay_lost', reason });
  }

  function failed({ kind, message }: LinkFailure): void {
    complain(message);
    void end(undefined, exitCodeFor(kind));
  }

  function expired(reason: EndReason): void {
    if (life.kind !== 'calling' || reason === 'signal') return void end(reason, AGENT_EXIT_CODES.ended);
    complain('the relay was not reached before the deadline');
    // Without a reason: that nobody logged in is no wonder.
    void end(undefined, AGENT_EXIT_CODES.unreachable);
  }

  async function end(reason: EndReason | undefined, code: AgentExitCode): Promise<void> {
    if (life.kind === 'ending') return;
    if (life.kind !== 'calling') life.cancelReminder();
    life = ENDING;
    watch.stop();
    await ssh.stop(reason === undefined ? 'converge: this session ends now' : farewellFrom(reason));
    await intake.stop({ reason: 'expired' }, LAST_BYTES_WITHIN_MS);
    link.stop();
    unreadable.flush();
    strangers.stop();
    if (command !== undefined) await removed(command);
    if (reason !== undefined) log.tell({ kind: 'ended', reason });
    resolve(code);
  }

  async function removed(made: SessionCommand): Promise<void> {
    const done = new AbortController();
    const stopped = made.stop().catch((error: unknown) => {
      const detail = faultText(error);
      log.tell({ kind: 'note', text: `the files of \`converge\` stay: ${detail}` });
    });
    await Promise.race([stopped, pause(clock, REMOVED_WITHIN_MS, done.signal)]);
    done.abort();
  }

  // ── what is asked ──

  function turnPassword(state: 'on' | 'off'): PasswordState | undefined {
    if (credentials.kind !== 'password') return undefined;
    if (state === 'on') guard.turnOn();
    else guard.turnOff();
    log.tell({ kind: 'password_turned', state });
    return guard.state;
  }

  // ── what is told ──

  function announce(publicUrl: string): void {
    const { user, isQuiet } = options;
    const { deadline } = watch.snapshotOrEnd();
    const destination = { publicUrl, id, user, fingerprint: hostKey.fingerprint, resumeWindowMs };
    const times = { now: clock.wallTime(), deadline, timeoutMs, maxLifetimeMs };
    const card = { destination, entry, ...times, clientDigests: CLIENT_DIGESTS };
    for (const line of announcementFrom({ ...card, provider: job?.provider, isQuiet })) print(line);
  }

  function reminder(): LogEvent | undefined {
    const { clients, deadline } = watch.snapshotOrEnd();
    if (clients > 0) return undefined;
    if (life.kind !== 'cut_off') return { kind: 'waiting', deadline };
    const since = clock.wallTime() - (clock.now() - life.since);
    return { kind: 'cut_off', since, deadline };
  }

  function troubled({ kind, message, patienceMs }: LinkFailure): void {
    if (patienceMs === 0) return;
    const seconds = `${Math.ceil(Math.min(patienceMs, watch.snapshotOrEnd().remainingMs) / 1_000)} s`;
    if (kind === 'usurped')
      return complain(
        `${message}; trying to get it back for ${seconds}, and for as long as somebody is here`,
      );
    const patience = life.kind === 'calling' ? seconds : 'as long as the job is open';
    complain(`${message}; trying again for ${patience}`);
  }

  function report(): void {
    const { clients, deadline } = watch.snapshotOrEnd();
    link.report({ type: 'status', clients, detached: intake.detached(), expiresAt: deadline });
  }

  /** Where the person who started it would look. */
  function ownUrl(): string {
    return base.replace(/^ws/, 'http');
  }
}

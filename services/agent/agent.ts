// The agent, put together: one SSH server, fed by the relay, that ends by itself.
import type { Clock } from '#shared/clock.ts';
import { createClaim } from '#shared/protocol/claim.ts';
import type { Mask } from '#shared/stream/mask.ts';
import { annotationFrom } from './ci/annotation.ts';
import { detectCiJob } from './ci/ci-job.ts';
import { makeAgentId } from './ci/random-token.ts';
import type { AgentOptions } from './cli.ts';
import { prepareCredentials } from './credentials-source.ts';
import { EXIT_CODES, type ExitCode } from './exit-code.ts';
import type { EndReason } from './expiry/end-reason.ts';
import { type ExpirySnapshot, startExpiryWatch } from './expiry/expiry-watch.ts';
import { holdFilePath } from './expiry/hold-file.ts';
import type { LinkFailure } from './link-failure.ts';
import { cardFrom, quietCardFrom } from './notices/card.ts';
import { greetingFrom } from './notices/greeting.ts';
import { isRoutine, type LogEvent, logLineFrom } from './notices/log-line.ts';
import { type Destination, isUsablePublicUrl, sshCommand } from './notices/ssh-command.ts';
import { farewellFrom, warningFrom } from './notices/warning.ts';
import { type RelayLink, startRelayLink } from './relay-link.ts';
import { PrivateDirectoryError } from './session-command/private-directory.ts';
import { type SessionCommand, startSessionCommand } from './session-command/session-command.ts';
import { chooseShell } from './shell.ts';
import { generateHostKey } from './ssh/host-key.ts';
import type { SshEvents } from './ssh/ssh-options.ts';
import { createSshServer } from './ssh/ssh-server.ts';
import { createStreamIntake } from './stream-intake.ts';

/** A line in the job log this often while nobody is there, so that it is plain what the job waits for. */
const WAITING_LINE_EVERY_MS = 60_000;

/** How long the last bytes of the sessions may take at the end. */
const LAST_BYTES_WITHIN_MS = 5_000;

/** Variables that are the agent's own and that no session needs to see. */
const PRIVATE_VARIABLES: ReadonlySet<string> = new Set(['CONVERGE_PASSWORD', 'CONVERGE_AUTHORIZED_KEYS']);

export interface AgentSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly temporaryDirectory: string;
  /** The words that start this program again, for the command in the sessions. */
  readonly program: readonly string[];
  readonly proxy: URL | undefined;
  /** Of what the streams send. */
  readonly mask: Mask;
  /** Takes a line of the job log. */
  readonly print: (line: string) => void;
  /** Takes a line about something that is wrong. */
  readonly complain: (line: string) => void;
}

export interface RunningAgent {
  readonly ended: Promise<ExitCode>;
  /** Ends as at the deadline. May be called twice. */
  end(reason: EndReason): void;
}

/** Starts an agent; the time of its life begins now. */
export async function startAgent(
  options: AgentOptions,
  around: AgentSurroundings,
): Promise<RunningAgent | { readonly ended: ExitCode }> {
  const { clock, env, cwd, print, complain } = around;
  const prepared = await prepareCredentials(options);
  if (prepared.kind === 'failed') {
    for (const fault of prepared.faults) complain(fault);
    return { ended: EXIT_CODES.BAD_ARGUMENTS };
  }
  for (const note of prepared.notes) complain(note);
  const { credentials, entry } = prepared;

  const { promise: ended, resolve } = Promise.withResolvers<ExitCode>();
  const hostKey = generateHostKey();
  const id = options.relay.id ?? makeAgentId();
  const target = {
    base: options.relay.base,
    id,
    claim: createClaim(),
    proxy: around.proxy,
    mask: around.mask,
  };
  const job = detectCiJob(env);
  let welcomed = false;
  let isLinked = false;
  let isHeld = false;
  let command: SessionCommand | undefined;
  let link: RelayLink | undefined;
  let publicUrl = target.base.replace(/^ws/, 'http');
  let cancelWaitingLine = (): void => {};

  function log(event: LogEvent): void {
    if (!(options.isQuiet && isRoutine(event))) print(logLineFrom(event, clock.now()));
  }

  try {
    command = await startSessionCommand({
      clock,
      program: around.program,
      temporaryDirectory: around.temporaryDirectory,
      path: env['PATH'],
      handlers: {
        status: () => ({
          id,
          publicUrl,
          isRelayConnected: isLinked,
          detached: intake.detached(),
          expiry: watch.snapshot(),
        }),
        hold: (ms = options.timeoutMs) => watch.hold(ms),
        release: () => watch.release(),
        end: () => {
          watch.end('ended_by_user');
        },
      },
    });
  } catch (error) {
    if (!(error instanceof PrivateDirectoryError)) throw error;
    log({ kind: 'note', text: `no \`converge\` command in the sessions: ${error.message}` });
  }

  const events: SshEvents = {
    login({ address, user, key }) {
      watch.clientLoggedIn();
      log({
        kind: 'logged_in',
        address,
        user,
        credential: key === undefined ? { kind: 'password' } : { kind: 'key', ...key },
      });
      report();
    },
    logout({ address, user, seconds }) {
      const clients = ssh.clients().length;
      log({ kind: 'logged_out', address, user, sessionMs: seconds * 1000, clients });
      watch.clientLeft();
      report();
    },
    refused({ address, user, detail, attempt }) {
      log({ kind: 'refused', address, user, reason: detail, attempt });
    },
    activity() {
      watch.activity();
    },
    log(event, fields) {
      log({ kind: 'note', text: noteFrom(event, fields) });
    },
  };
  const ssh = createSshServer({
    hostKey,
    credentials,
    shell: chooseShell(options.shell, env),
    cwd,
    env: { ...sessionEnvironment(env), ...command?.env },
    forwarding: options.allowsForwarding,
    clock,
    greeting: () => {
      const { deadline } = currentSnapshot();
      const lines = greetingFrom({
        job,
        now: clock.now(),
        deadline,
        isHeld,
        hasCommand: command !== undefined,
      });
      return `${lines.join('\n')}\n`;
    },
    events,
  });

  const intake = createStreamIntake({
    target,
    clock,
    random: around.random,
    resumeWindowMs: options.resumeWindowMs,
    onSession(duplex, client) {
      log({ kind: 'connected', address: client.address });
      ssh.serve(duplex, client);
    },
    onEvent(event, address) {
      if (event.kind !== 'opened' && event.kind !== 'finished') log({ kind: 'resume', event, address });
      report();
    },
    onFailed(detail, address) {
      log({ kind: 'note', text: `could not open the stream for ${address}: ${detail}` });
    },
  });

  const watch = startExpiryWatch({
    clock,
    holdFile: holdFilePath(cwd),
    timeoutMs: options.timeoutMs,
    maxLifetimeMs: options.maxLifetimeMs,
    onWarning(_level, remainingMs) {
      log({ kind: 'warning', remainingMs });
      const isCapped = watch.snapshot()?.isCapped ?? true;
      ssh.notify(warningFrom({ remainingMs, isCapped }));
    },
    onDeadlineMoved(snapshot) {
      if (snapshot.isHeld && !isHeld) log({ kind: 'held', deadline: snapshot.deadline });
      if (!snapshot.isHeld && isHeld) {
        log({ kind: 'released', deadline: snapshot.deadline, clients: snapshot.clients });
      }
      isHeld = snapshot.isHeld;
      report();
    },
    onHoldUnreadable(code) {
      log({ kind: 'hold_unreadable', code });
    },
    onEnd(reason) {
      const neverLinked = !welcomed && reason !== 'signal';
      if (!neverLinked) return void shutDown(reason, EXIT_CODES.ENDED);
      // Without a reason: that nobody logged in is no wonder.
      complain('the relay was not reached before the deadline');
      void shutDown(undefined, EXIT_CODES.UNREACHABLE);
    },
  });

  link = startRelayLink({
    target,
    clock,
    random: around.random,
    onWelcome(welcome) {
      const isBack = welcomed && !isLinked;
      isLinked = true;
      if (isBack) log({ kind: 'relay_back', pod: welcome.pod });
      if (welcomed) return;
      welcomed = true;
      // What a relay announces goes into commands that people paste.
      if (isUsablePublicUrl(welcome.publicUrl)) publicUrl = welcome.publicUrl;
      printCard();
    },
    onDial(dial) {
      intake.answer(dial);
    },
    onLost(reason) {
      isLinked = false;
      log({ kind: 'relay_lost', reason });
    },
    onTrouble({ message, patienceMs }) {
      if (patienceMs === 0) return;
      const seconds = Math.ceil(Math.min(patienceMs, currentSnapshot().remainingMs) / 1_000);
      complain(`${message}; trying again for ${welcomed ? 'as long as the job is open' : `${seconds} s`}`);
    },
    onFailed(failure) {
      complain(failure.message);
      void shutDown(undefined, exitCodeOf(failure));
    },
  });
  report();

  function currentSnapshot(): ExpirySnapshot {
    const now = clock.now();
    const over = {
      clients: 0,
      deadline: now,
      remainingMs: 0,
      lastDeadline: now,
      isHeld: false,
      isCapped: true,
    };
    return watch.snapshot() ?? over;
  }

  function report(): void {
    const { clients, deadline } = currentSnapshot();
    link?.report({ type: 'status', clients, detached: intake.detached(), expiresAt: deadline });
  }

  function printCard(): void {
    const destination: Destination = {
      publicUrl,
      id,
      user: options.user,
      fingerprint: hostKey.fingerprint,
      resumeWindowMs: options.resumeWindowMs,
    };
    const { deadline } = currentSnapshot();
    const { timeoutMs, maxLifetimeMs } = options;
    const input = {
      destination,
      entry,
      now: clock.now(),
      deadline,
      timeoutMs,
      maxLifetimeMs,
    };
    for (const line of options.isQuiet ? quietCardFrom(input) : cardFrom(input)) print(line);
    for (const line of annotationFrom(job?.provider, sshCommand(destination))) print(line);
    scheduleWaitingLine();
  }

  function scheduleWaitingLine(): void {
    cancelWaitingLine = clock.after(WAITING_LINE_EVERY_MS, () => {
      const { clients, deadline } = currentSnapshot();
      if (clients === 0) log({ kind: 'waiting', deadline });
      scheduleWaitingLine();
    });
  }

  let isShuttingDown = false;
  async function shutDown(reason: EndReason | undefined, code: ExitCode): Promise<void> {
    if (isShuttingDown) return;
    isShuttingDown = true;
    watch.stop();
    cancelWaitingLine();
    await ssh.stop(reason === undefined ? 'converge: this session ends now' : farewellFrom(reason));
    await intake.stop({ reason: 'expired' }, LAST_BYTES_WITHIN_MS);
    link?.stop();
    await command?.stop();
    if (reason !== undefined) log({ kind: 'ended', reason });
    resolve(code);
  }

  return {
    ended,
    end(reason) {
      watch.end(reason);
    },
  };
}

function sessionEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !PRIVATE_VARIABLES.has(name)) kept[name] = value;
  }
  return kept;
}

/** What the SSH server has to say, as people read it: "connection cut (address 192.0.2.7, reason no login in time)". */
function noteFrom(event: string, fields: Readonly<Record<string, unknown>>): string {
  const words = Object.entries(fields)
    .filter(([name]) => name !== 'clientId')
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return words.length === 0 ? event : `${event} (${words.join(', ')})`;
}

function exitCodeOf(failure: LinkFailure): ExitCode {
  switch (failure.kind) {
    case 'unreachable':
      return EXIT_CODES.UNREACHABLE;
    case 'refused':
      return EXIT_CODES.REFUSED;
    case 'version':
      return EXIT_CODES.VERSION;
  }
}

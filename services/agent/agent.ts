// The agent, put together: one SSH server, fed by the relay, that ends on its own.
import { isPrivateWay } from '#shared/identity/proof-way.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { createClaim } from '#shared/protocol/claim.ts';
import type { PrintableLine } from '#shared/text/printable.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Mask } from '#shared/websocket/mask-choice.ts';
import { GITHUB_TOKEN_VARIABLE } from './access/account-keys.ts';
import { type CredentialsContext, prepareCredentials } from './access/credentials-source.ts';
import { PasswordGuard } from './access/password-guard.ts';
import { fetchThroughProxies } from './access/proxied-fetch.ts';
import { makeAgentId } from './access/random-token.ts';
import { RelayAccess } from './access/relay-access.ts';
import { JobAudit } from './audit/job-audit.ts';
import { RecordChain } from './audit/record-chain.ts';
import { UntoldRecords } from './audit/untold-records.ts';
import type { AgentOptions } from './command-line/cli.ts';
import { AGENT_EXIT_CODES, type AgentExitCode } from './command-line/exit-code.ts';
import {
  type ConvergeAnswers,
  type ConvergeCommand,
  installConvergeCommand,
} from './converge-command/answering-end.ts';
import { Attendance } from './crowd/attendance.ts';
import type { AgentEnd } from './expiry/agent-end.ts';
import type { EndReason } from './expiry/end-reason.ts';
import { createExpiryWatch, type ExpiryListener, type ExpiryWatch } from './expiry/expiry-watch.ts';
import { holdFilePath } from './expiry/hold-file.ts';
import { createIdentityProver } from './identity/identity-prover.ts';
import type { IdentityOptions } from './identity/identity-source.ts';
import { detectCiJob } from './job/ci-job.ts';
import { jobEnvironment } from './job/job-environment.ts';
import { auditedEvents } from './life/audited-events.ts';
import { commandAnswersFrom } from './life/command-answers.ts';
import { Company } from './life/company.ts';
import { Lifecycle } from './life/lifecycle.ts';
import { MemoryReturn } from './life/memory-return.ts';
import { sshEventsFrom } from './life/ssh-events.ts';
import { streamEventsFrom } from './life/stream-events.ts';
import { welcomesAfterAccess } from './life/welcome-after-access.ts';
import { CLIENT_DIGESTS } from './notices/client-digests.ts';
import { greetingFrom } from './notices/greeting.ts';
import { createJobLog, type JobLog } from './notices/job-log.ts';
import type { SshDestination } from './notices/ssh-command.ts';
import { createStrangerLog } from './notices/stranger-log.ts';
import { createUnreadableDials, type UnreadableDials } from './notices/unreadable-dials.ts';
import { warningFrom } from './notices/warning.ts';
import type { Platform } from './platform/platform.ts';
import { createRelayLink, type RelayListener } from './relay/relay-link.ts';
import { createStreamIntake, type StreamIntake } from './relay/stream-intake.ts';
import { generateHostKey } from './ssh/keys/host-key.ts';
import type { SshServer } from './ssh/ssh-server.ts';
import { Outlets } from './tell/outlets.ts';

/** Said once, where a relay asks for records: people in the job are to know. */
const RECORD_NOTE =
  'this relay keeps a record of who is in the job and which programs they start, and of nothing that they see or type';

/** In every session: the working directory of the agent, where the hold file lies, as in Converge's earlier implementations. */
const DIRECTORY_VARIABLE = 'agentdir';

/** What its process gives it. */
export interface AgentSurroundings {
  readonly platform: Platform;
  readonly env: Environment;
  /** The same as bytes, as the kernel keeps it; undefined where the kernel does not say. */
  readonly environmentBlock?: Buffer | undefined;
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
  readonly print: (line: PrintableLine) => void;
  /** Takes a line about something that is wrong. */
  readonly complain: (line: string) => void;
  /** Of a job that still runs, for which it is in the background; undefined: the job waits for it. */
  readonly background?: BackgroundJob | undefined;
  /** A relay may have it from now on: whatever is to end it must reach it, and not cut it off. */
  readonly onDialling?: () => void;
  /** All is said of how people get in. */
  readonly onAnnounced?: () => void;
}

/** The job around an agent in the background. */
export interface BackgroundJob {
  /** Questions of the job's steps are answered from now on. */
  readonly answer: (answers: ConvergeAnswers) => void;
  /** All is said of how people get in. */
  readonly announced: () => void;
}

/** What came of a start. */
export type AgentStart =
  | {
      readonly kind: 'running';
      readonly ended: Promise<AgentEnd>;
      /** Ends as at the deadline. May be called twice. */
      readonly end: (reason: EndReason) => void;
    }
  /** Nothing was started; what was wrong has been said. */
  | { readonly kind: 'failed'; readonly code: AgentExitCode };

/** Starts an agent; the time of its life begins now. */
export async function startAgent(options: AgentOptions, around: AgentSurroundings): Promise<AgentStart> {
  const { platform, clock, random, env, cwd, print, complain } = around;
  const isJobRunning = around.background !== undefined;
  const { user, isQuiet, timeoutMs, maxLifetimeMs, resumeWindowMs, auditsPaths } = options;
  const exposed = exposedAccessFault(options, around.proxy);
  if (exposed !== undefined) {
    complain(exposed);
    return { kind: 'failed', code: AGENT_EXIT_CODES.bad_arguments };
  }
  const watch = createExpiryWatch({
    clock,
    holdFile: holdFilePath(cwd),
    timeoutMs,
    maxLifetimeMs,
    isJobRunning,
  });
  // Keys may take their time to be fetched. A hold that comes meanwhile is a hold.
  watch.lookFirst();
  const fetch = fetchThroughProxies(env);
  const job = detectCiJob(env);
  const outlets = new Outlets({ settings: options, job, env, clock, random, complain });
  const { lineFrom, hear } = outlets;
  const log = createJobLog({ clock, print, isQuiet, lineFrom, onEvent: hear });
  const context: CredentialsContext = {
    clock,
    fetch,
    githubToken: env[GITHUB_TOKEN_VARIABLE],
    tell(text) {
      log.tell({ kind: 'note', text });
    },
  };
  const prepared = await prepareCredentials(options, context);
  if (prepared.kind === 'failed') {
    for (const fault of prepared.faults) complain(fault);
    return { kind: 'failed', code: AGENT_EXIT_CODES.bad_arguments };
  }
  const { credentials, entry, notes } = prepared;
  for (const note of notes) complain(note);

  // The parts, each made from those above it. None of them does anything on its own before it is started, but that the link dials.
  const { base, id = makeAgentId() } = options.relay;
  const asksAccess = options.entry.kind === 'keys' && options.entry.asksRelay;
  const target = { base, id, claim: createClaim(), proxy: around.proxy, mask: around.mask, asksAccess };
  const hostKey = generateHostKey();
  const attendance = new Attendance();
  const loggedInFrom = (address: string): number => attendance.loggedInFrom(address);
  const strangers = createStrangerLog({ clock, log, loggedInFrom });
  const unreadable = createUnreadableDials({ clock, log });
  const jobEnv = jobEnvironment(env, around.environmentBlock);
  const prover = createIdentityProver({
    identity: identityOf(options),
    programs: platform.programs,
    env,
    jobEnv,
    cwd,
    provider: job?.provider,
    fetch,
    clock,
    random,
    tell: complain,
  });
  const chain = new RecordChain({ id, signer: hostKey, clock });
  const since = new Date(clock.wallTime()).toISOString();
  const records = new UntoldRecords({
    clock,
    chain,
    opening() {
      const { provider } = job ?? {};
      const known = provider === undefined ? {} : { provider };
      log.tell({ kind: 'note', text: RECORD_NOTE });
      return { event: 'job_opened', since, hostKey: hostKey.fingerprint, ...known, paths: auditsPaths };
    },
  });
  const audit = new JobAudit({ clock, records, withPaths: auditsPaths });
  const link = createRelayLink({ target, clock, random, prover, records });
  around.onDialling?.();
  // What a relay takes to answer is longer than what is left to be made here, and nothing of that depends on the answer.
  link.dialAhead();
  const command = await commandOf(around, log);
  // Half of what an agent takes to load.
  const { createSshServer } = await import('./ssh/ssh-server.ts');
  const guard = new PasswordGuard({
    clock,
    onTooMany(failures) {
      log.tell({ kind: 'password_shut', failures, command: command?.path });
    },
  });
  const statusChanged = (): void => link.statusChanged();
  const company = new Company({ clock, say: (line) => ssh.notifyShells(line) });
  const ssh: SshServer = createSshServer({
    hostKey,
    credentials,
    guard,
    attendance,
    random,
    platform,
    ...platform.shells.choose(options.shell, env),
    cwd,
    env: { ...jobEnv, ...command?.env, [DIRECTORY_VARIABLE]: cwd },
    shellEnv: command?.shellEnv ?? {},
    countsOutput: options.activity === 'output',
    forwarding: options.allowsForwarding,
    clock,
    greeting() {
      const { deadline, isHeld, isJobRunning } = watch.snapshotOrEnd();
      const hasCommand = command !== undefined;
      const lines = greetingFrom({
        job,
        now: clock.wallTime(),
        deadline,
        isHeld,
        isJobRunning,
        hasCommand,
        system: process.platform,
      });
      return `${lines.join('\n')}\n`;
    },
    events: auditedEvents(
      sshEventsFrom({ log, strangers, watch, attendance, company, onClients: statusChanged }),
      audit,
    ),
  });
  const destinationAt = (publicUrl: string): SshDestination => {
    return { publicUrl, id, user, fingerprint: hostKey.fingerprint, resumeWindowMs };
  };
  const memory = new MemoryReturn({ clock, giveBack: () => platform.giveMemoryBack() });
  const events = streamEventsFrom({ strangers, link, ssh, memory });
  const intake = createStreamIntake({ target, clock, random, resumeWindowMs, loggedInFrom, events });
  const lifecycle = new Lifecycle({
    clock,
    ownUrl: base.replace(/^ws/, 'http'),
    log,
    strangers,
    unreadable,
    command,
    watch,
    link,
    audit,
    records,
    ssh,
    intake,
    print,
    complain,
    outlets,
    onAnnounced: () => around.onAnnounced?.(),
    refusalNotice: (message) => outlets.refused(message),
    announcement(publicUrl, deadline, hasTerminal) {
      const destination = destinationAt(publicUrl);
      const now = clock.wallTime();
      const { isRelayFirst, lastDeadline } = watch.snapshotOrEnd();
      const relayLeavesMs = isRelayFirst ? lastDeadline - now : undefined;
      const times = { now, deadline, timeoutMs, maxLifetimeMs, relayLeavesMs, isJobRunning };
      const link = hasTerminal && credentials.kind === 'password' ? credentials.link : undefined;
      const said = { entry: entry(), hasTerminal, linkSecret: link?.make() };
      const card = { destination, ...said, ...times, lastDeadline, clientDigests: CLIENT_DIGESTS };
      return outlets.opened(card, () => watch.snapshotOrEnd().deadline);
    },
  });

  const relayAccess =
    asksAccess && credentials.kind === 'keys'
      ? new RelayAccess({ ...context, access: credentials.access, host: new URL(base).host })
      : undefined;

  // The start. What happens on its own from here on finds all the parts in place.
  watch.start(expiryListenerFrom({ log, ssh, watch, lifecycle, statusChanged }));
  link.start(relayListenerFrom({ lifecycle, intake, unreadable, watch, relayAccess, clock }));
  const answers = commandAnswersFrom({
    clock,
    destinationAt,
    id,
    timeoutMs,
    credentials,
    guard,
    log,
    watch,
    ssh,
    lifecycle,
  });
  command?.answer(answers);
  around.background?.answer(answers);
  statusChanged();
  void lifecycle.ended.then(() => {
    relayAccess?.stop();
    company.stop();
    memory.stop();
  });
  return { kind: 'running', ended: lifecycle.ended, end: (reason) => watch.end(reason) };
}

/** What the relay says of who may enter, whoever is on the way could say as well. */
function exposedAccessFault({ entry, relay }: AgentOptions, proxy: URL | undefined): string | undefined {
  const url = new URL(relay.base);
  if (entry.kind !== 'keys' || !entry.asksRelay || isPrivateWay(url, proxy)) return undefined;
  return `--access policy: whoever is on the way to ${url.host} could let themselves in: use wss:// in place of ws://`;
}

/** A key that was named is the identity that is meant. */
function identityOf({ identity, identityKey }: AgentOptions): IdentityOptions {
  return { source: identityKey === undefined ? identity : 'key', keyFile: identityKey };
}

interface ExpiryHearers {
  readonly log: JobLog;
  readonly ssh: SshServer;
  readonly watch: ExpiryWatch;
  readonly lifecycle: Lifecycle;
  readonly statusChanged: () => void;
}

function expiryListenerFrom({ log, ssh, watch, lifecycle, statusChanged }: ExpiryHearers): ExpiryListener {
  return {
    onWarning(_level, remainingMs) {
      log.tell({ kind: 'warning', remainingMs });
      ssh.notify(warningFrom({ ...watch.snapshotOrEnd(), remainingMs }));
    },
    onHoldChanged({ heldBy, deadline, clients }) {
      log.tell(
        heldBy === undefined
          ? { kind: 'released', deadline, clients }
          : { kind: 'held', deadline, by: heldBy },
      );
    },
    onDeadlineMoved: statusChanged,
    onHoldOld() {
      log.tell({ kind: 'hold_old' });
    },
    onHoldUnreadable(code) {
      log.tell({ kind: 'hold_unreadable', code });
    },
    onEnd: (reason) => lifecycle.expired(reason),
  };
}

interface RelayHearers {
  readonly lifecycle: Lifecycle;
  readonly intake: StreamIntake;
  readonly unreadable: UnreadableDials;
  readonly watch: ExpiryWatch;
  /** Undefined: the relay is not asked who may enter. */
  readonly relayAccess: RelayAccess | undefined;
  readonly clock: Clock;
}

function relayListenerFrom(hearers: RelayHearers): RelayListener {
  const { lifecycle, intake, unreadable, watch, relayAccess, clock } = hearers;
  const { welcomed, lost } =
    relayAccess === undefined
      ? { welcomed: lifecycle.welcomed.bind(lifecycle), lost: lifecycle.relayLost.bind(lifecycle) }
      : welcomesAfterAccess(lifecycle, relayAccess, clock);
  return {
    onWelcome: welcomed,
    onAccess: (access) => void relayAccess?.take(access),
    onDial: (dial) => intake.answer(dial),
    onUnreadableDial: (detail) => unreadable.tell(detail),
    onLost: lost,
    onTrouble: (failure) => lifecycle.troubled(failure),
    onFailed: (failure) => lifecycle.failed(failure),
    isBusy: () => watch.snapshotOrEnd().clients > 0,
    status() {
      const { clients, deadline } = watch.snapshotOrEnd();
      return { type: 'status', clients, detached: intake.detached(), expiresAt: deadline };
    },
  };
}

/** The `converge` command, or undefined: the agent works without it. */
async function commandOf(around: AgentSurroundings, log: JobLog): Promise<ConvergeCommand | undefined> {
  const { platform, clock, env, cwd, program, temporaryDirectory } = around;
  const installed = await installConvergeCommand({
    clock,
    place: platform.commandPlace,
    program,
    temporaryDirectory,
    lastResorts: [cwd, ...(env['HOME'] === undefined ? [] : [env['HOME']])],
    path: env['PATH'],
    dataDirectories: env['XDG_DATA_DIRS'],
  });
  if (installed.kind === 'started') return installed.command;
  const text = `no \`converge\` command in the sessions: ${installed.detail}; set TMPDIR to a folder that takes programs`;
  log.tell({ kind: 'note', text });
  return undefined;
}

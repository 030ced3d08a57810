// An SSH server of ours behind a TCP port, and Debian's ssh to call it with.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AccessList } from '../../../services/agent/access/access-list.ts';
import { parseAuthorizedKeys } from '../../../services/agent/access/authorized-keys.ts';
import { PasswordGuard } from '../../../services/agent/access/password-guard.ts';
import { Attendance } from '../../../services/agent/crowd/attendance.ts';
import { ownPlatform } from '../../../services/agent/own-platform.ts';
import { generateHostKey } from '../../../services/agent/ssh/keys/host-key.ts';
import type {
  LoginEvent,
  LogoutEvent,
  RefusedEvent,
  SshServerOptions,
  TurnedAwayEvent,
} from '../../../services/agent/ssh/ssh-options.ts';
import { createSshServer, type SshServer } from '../../../services/agent/ssh/ssh-server.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';
import { ensureCommands } from '../machine/test-commands.ts';

export interface SshOutcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface SshOptions {
  readonly stdin?: Buffer;
  readonly env?: Record<string, string>;
}

/** Everything is removed and stopped by `stop`. */
export interface SshHost {
  readonly server: SshServer;
  readonly port: number;
  readonly fingerprint: string;
  /** A folder of this host alone: keys, sockets, files of the test. */
  readonly folder: string;
  /** Where sessions start. */
  readonly cwd: string;
  readonly keyFile: string;
  readonly logins: LoginEvent[];
  readonly logouts: LogoutEvent[];
  readonly refusals: RefusedEvent[];
  readonly turnedAway: TurnedAwayEvent[];
  /** How many failures had turned password login off, each time. */
  readonly shut: number[];
  readonly logs: { event: string; fields: Record<string, unknown> }[];
  readonly activity: { count: number };
  /** What every ssh, scp and sftp here starts with: the port, the key, this host's own known_hosts. */
  readonly clientOptions: string[];
  /** Runs `ssh … abc@127.0.0.1 …` to its end. */
  ssh(args: string[], options?: SshOptions): Promise<SshOutcome>;
  /** Starts it, to be talked to. */
  start(args: string[], options?: SshOptions): ChildProcess;
  stop(): Promise<void>;
}

export interface HostOptions extends Partial<SshServerOptions> {
  /** Password instead of the generated key. */
  readonly password?: string;
  /** Of the clients; ERROR by default. */
  readonly logLevel?: 'ERROR' | 'INFO' | 'DEBUG1';
  /** Called with each connection before it is served. */
  readonly onSocket?: (socket: Socket) => void;
}

/** The environment that clients run in: nothing of the developer's own ssh-agent or configuration. */
export const CLIENT_ENV = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  TERM: 'xterm',
};

export async function startSshHost(options: HostOptions = {}): Promise<SshHost> {
  await ensureCommands(['ssh', 'scp']);
  const folder = mkdtempSync(path.join(tmpdir(), 'converge-test-'));
  const keyFile = path.join(folder, 'id');
  const pair = generateHostKey();
  const publicKey = `${pair.publicKey} test key`;
  writeFileSync(keyFile, pair.privateKey, { mode: 0o600 });
  writeFileSync(`${keyFile}.pub`, `${publicKey}\n`);
  const hostKey = options.hostKey ?? generateHostKey();
  const logins: LoginEvent[] = [];
  const logouts: LogoutEvent[] = [];
  const refusals: RefusedEvent[] = [];
  const turnedAway: TurnedAwayEvent[] = [];
  const shut: number[] = [];
  const logs: SshHost['logs'] = [];
  const activity = { count: 0 };
  const cwd = options.cwd ?? folder;
  const server = createSshServer({
    attendance: new Attendance(),
    hostKey,
    platform: ownPlatform(),
    credentials: credentialsFor(options.password, publicKey),
    shell: '/bin/bash',
    cwd,
    env: { PATH: CLIENT_ENV.PATH, HOME: folder, LANG: 'C.UTF-8', PS1: '$ ', JOB_NAME: 'nightly build' },
    forwarding: true,
    clock: systemClock,
    guard: new PasswordGuard({
      clock: options.clock ?? systemClock,
      onTooMany: (failures) => shut.push(failures),
    }),
    random: Math.random,
    greeting: () => 'welcome to the job\n',
    events: {
      login: (event) => logins.push(event),
      logout: (event) => logouts.push(event),
      refused: (event) => refusals.push(event),
      turnedAway: (event) => turnedAway.push(event),
      activity: () => {
        activity.count++;
      },
      log: (event, fields) => logs.push({ event, fields }),
    },
    ...options,
  });

  let nextId = 0;
  const listener = createServer({ noDelay: true }, (socket) => {
    options.onSocket?.(socket);
    server.serve(socket, { id: `client-${nextId++}`, address: socket.remoteAddress ?? '' });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;

  const settings = [
    `Port=${port}`,
    `UserKnownHostsFile=${folder}/known_hosts`,
    'StrictHostKeyChecking=accept-new',
    'IdentitiesOnly=yes',
    `LogLevel=${options.logLevel ?? 'ERROR'}`,
  ];
  const identity = options.password === undefined ? ['-i', keyFile, '-o', 'BatchMode=yes'] : [];
  const clientOptions = ['-F', '/dev/null', ...settings.flatMap((setting) => ['-o', setting]), ...identity];
  const running = new Set<ChildProcess>();

  function start(args: string[], run: SshOptions = {}): ChildProcess {
    const child = spawn('ssh', [...clientOptions, ...args], { env: { ...CLIENT_ENV, ...run.env } });
    running.add(child);
    child.on('close', () => running.delete(child));
    return child;
  }

  return {
    server,
    port,
    fingerprint: hostKey.fingerprint,
    folder,
    cwd,
    keyFile,
    logins,
    logouts,
    refusals,
    turnedAway,
    shut,
    logs,
    activity,
    clientOptions,
    start,
    async ssh(args, run) {
      const child = start(args, run);
      return outcomeOf(child, run?.stdin);
    },
    async stop() {
      for (const child of running) child.kill('SIGKILL');
      listener.close();
      await server.stop({ farewell: 'the test is over', reason: 'over' });
      // A shell that was just hung up may still be writing its history.
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

/** Feeds a child its stdin and collects what it says. */
export async function outcomeOf(child: ChildProcess, stdin?: Buffer): Promise<SshOutcome> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin?.on('error', () => {});
  child.stdin?.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

function credentialsFor(password: string | undefined, publicKey: string): SshServerOptions['credentials'] {
  if (password !== undefined) return { kind: 'password', user: 'abc', password };
  const parsed = parseAuthorizedKeys(publicKey, 'test');
  if (parsed.kind === 'refused') throw new Error(parsed.problems.join('; '));
  const access = new AccessList({ clock: systemClock, authorizedKeys: parsed.keys });
  return { kind: 'keys', user: 'abc', access };
}

// The session check: an agent, a wsproxy and an SSH client, with a session between them through a relay; and what the
// session's command printed, compared. ssh2 is the client, since the image has no ssh: this folder alone may use it beside
// the agent's server.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { Client } from 'ssh2';
import { type StartedProgram, startProgram } from './programs.ts';
import { isGuarded } from './stranger.ts';

/** In these steps; when one fails, its name tells where to look. */
export type CheckStep = 'agent' | 'login' | 'command';

export type CheckResult =
  | { readonly kind: 'passed'; readonly id: string; readonly seconds: number }
  /** The relay works, and its policy keeps out who comes without a proof, as this check does: in this role. */
  | { readonly kind: 'guarded'; readonly role: 'agent' | 'client' }
  | { readonly kind: 'failed'; readonly step: CheckStep; readonly detail: string };

export interface CheckOptions {
  /** `ws[s]://HOST[:PORT]` of the relay. */
  readonly relay: string;
  /** The folder with the binaries. */
  readonly binaries: string;
  /** For the agent and wsproxy: certificates, proxies. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends the check. */
  readonly signal: AbortSignal;
}

const FINGERPRINT = /#(SHA256:[A-Za-z0-9+/]{43})/;
const USER = 'abc';
const AGENT_TIMEOUT = '5m';

/** Runs the check. Nothing is left behind, however it ends. */
export async function checkSession(options: CheckOptions): Promise<CheckResult> {
  const begin = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'converge-session-check-'));
  const id = `check-${randomBytes(16).toString('hex')}`;
  const password = randomBytes(16).toString('hex');
  const { relay, binaries, environment, signal } = options;
  let step: CheckStep = 'agent';
  const programs: StartedProgram[] = [];
  const start = (name: 'agent' | 'wsproxy', ...args: string[]): StartedProgram => {
    // What an agent that is killed leaves of its own goes with the folder.
    const env = { ...environment, CONVERGE_PASSWORD: password, TMPDIR: folder };
    const hidesStdout = name === 'wsproxy';
    const program = startProgram({ binaries, name, args, folder, environment: env, hidesStdout });
    programs.push(program);
    return program;
  };
  try {
    // Under an ID of its own: where anybody may open an agent, this has just been one.
    if (await isGuarded(relay, 'agent', `${id}-stranger`, signal)) return { kind: 'guarded', role: 'agent' };
    const fingerprint = await readFingerprint(
      start('agent', '--timeout', AGENT_TIMEOUT, '--user', USER, `${relay}/agent/${id}`),
      signal,
    );
    step = 'login';
    if (await isGuarded(relay, 'client', id, signal)) return { kind: 'guarded', role: 'client' };
    const { stdin: writable, stdout: readable } = start(
      'wsproxy',
      `${relay}/client/${id}#${fingerprint}`,
    ).child;
    const sock = Duplex.from({ readable, writable });
    const client = new Client();
    try {
      const ready = once(client, 'ready', { signal });
      client.connect({ sock, username: USER, password });
      await ready;
      step = 'command';
      const left = randomBytes(3).readUIntBE(0, 3);
      const wanted = `converge-${left + 42}\n`;
      const printed = await runCommand(client, `echo converge-$((${left} + 42))`, signal);
      if (printed !== wanted) throw new Error(`the command printed ${JSON.stringify(printed)}`);
    } finally {
      client.on('error', () => undefined);
      client.end();
      sock.on('error', () => undefined);
      sock.destroy();
    }
    return { kind: 'passed', id, seconds: (performance.now() - begin) / 1_000 };
  } catch (error) {
    const why = signal.aborted ? 'it took too long' : (error as Error).message;
    const said = programs.map((program) => program.said().replaceAll(password, '…')).join('\n');
    return { kind: 'failed', step, detail: `${why}\n${said}`.trim() };
  } finally {
    for (const program of programs.toReversed()) await program[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The agent prints it, in its commands, when the relay has taken it. */
async function readFingerprint(agent: StartedProgram, signal: AbortSignal): Promise<string> {
  for (;;) {
    const found = FINGERPRINT.exec(agent.said())?.[1];
    if (found !== undefined) return found;
    if (agent.child.exitCode !== null || agent.child.pid === undefined)
      throw new Error(`the agent ended with ${agent.child.exitCode}`);
    await Promise.race([
      once(agent.child.stdout, 'data', { signal }),
      once(agent.child, 'close', { signal }),
    ]);
  }
}

async function runCommand(client: Client, command: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  client.exec(command, (error, channel) => {
    if (error !== undefined) return reject(error);
    let printed = '';
    channel.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    channel.on('close', (code: number | null) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`the command ended with ${code}`));
    });
  });
  return await promise;
}

// The relay as a process: environment in, signals in, exit code out.
import { dirname, join } from 'node:path';
import { allowCommand, fetchCommand } from '#shared/commands/printed-commands.ts';
import { agentPath } from '#shared/protocol/paths.ts';
import { systemClock } from '#shared/time/clock.ts';
import { createRelay } from './app.ts';
import { readConfig } from './config.ts';
import { ListenFault } from './http/listener/listen-fault.ts';
import { humanLine } from './log/human-line.ts';
import { LogOutput, openStandardOutput } from './log/log-output.ts';

const EXIT_FAULT = 1;
const EXIT_BAD_CONFIGURATION = 2;

/** Under `npm start` one Ctrl-C arrives twice, from the terminal and from npm, in milliseconds of each other. */
const SIGINT_ECHO_MS = 500;

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Takes a line for a person, or an error that nobody expected. Not the log: that is JSON, on stdout. */
  readonly complain: (fault: unknown) => void;
}

/** Runs a relay in this process, from its configuration to its exit code. Resolves when it listens. */
export async function runRelay(surroundings: Surroundings): Promise<void> {
  try {
    await start(surroundings);
  } catch (error) {
    if (error instanceof ListenFault)
      for (const line of error.message.split('\n')) surroundings.complain(`relay: ${line}`);
    else surroundings.complain(error);
    process.exit(EXIT_FAULT);
  }
}

async function start({ env, complain }: Surroundings): Promise<void> {
  const read = readConfig(env);
  if (read.kind === 'invalid') {
    for (const fault of read.faults) complain(`relay: ${fault}`);
    process.exit(EXIT_BAD_CONFIGURATION);
  }
  const isForPerson = process.argv.includes('--hints');
  const form = isForPerson && process.stdout.isTTY ? humanLine : undefined;
  const log = new LogOutput(openStandardOutput(), systemClock, form);
  // Also after an exception that nobody caught: the last lines may show its reason.
  process.on('exit', () => log.flush());
  const relay = createRelay(read.config, {
    log,
    downloads: downloadsDirectory(),
    platform: `${process.platform}-${process.arch}`,
  });
  // Without a file it means what it does to others: the terminal is gone.
  if (read.config.audit?.target.kind === 'file') process.on('SIGHUP', () => relay.reopen());
  let toldAt: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      const isEcho = signal === 'SIGINT' && toldAt !== undefined && Date.now() - toldAt < SIGINT_ECHO_MS;
      if (isEcho) return;
      // Somebody who sends a second one does not want to wait.
      if (toldAt !== undefined) process.exit(0);
      toldAt = Date.now();
      const ended = relay.drain(signal === 'SIGINT').then(
        () => 0,
        (error: unknown) => {
          complain(error);
          return EXIT_FAULT;
        },
      );
      void ended.then(async (code) => {
        await log.close();
        process.exit(code);
      });
    });
  }
  const { port } = await relay.start();
  if (isForPerson)
    complain(
      hints(read.config.publicUrl?.origin ?? `http://localhost:${port}`, read.config.policy !== undefined),
    );
}

/** The build puts `bin/` beside the folder of this bundle; a run from the sources takes the last build's. */
function downloadsDirectory(): string {
  const script = process.argv[1] ?? '';
  return script.endsWith('.ts') ? join(process.cwd(), 'dist', 'bin') : join(dirname(script), '..', 'bin');
}

/** For the person who typed `npm start`; on stderr, since stdout is the log. */
function hints(origin: string, hasPolicy: boolean): string {
  const agentUrl = `${origin.replace(/^http/, 'ws')}${agentPath('try')}`;
  return `
Converge relay at ${origin}  (usage page: open it in a browser)

In a second terminal, play the CI job:
  ${fetchCommand(origin, 'agent')} && ${allowCommand('agent')}
  ./agent ${agentUrl}
${hasPolicy ? '\nPOLICY_FILE says who may come in, and may ask for another ID than `try`, and for a proof: see the usage page.\n' : ''}
It prints the ssh command for a third terminal. Ctrl-C here ends the relay.
`;
}

// The relay's first lines: they see to the right Node with the right flags, however it is started, and then run the relay, or a subcommand.
import { spawnSync } from 'node:child_process';
import { runtimeFor } from './runtime.ts';

const EXIT_BAD_RUNTIME = 2;

/** Set for the process that this one becomes, which goes on as it is, whatever it finds: there is no third one. */
const RESTARTED_VARIABLE = 'CONVERGE_RELAY_RESTARTED';

// Node's answer to it would be a debugger (runtime-flags.ts).
process.on('SIGUSR1', () => undefined);

const runtime = runtimeFor({
  version: process.versions.node,
  execArgv: process.execArgv,
  nodeOptions: process.env['NODE_OPTIONS'],
});
if (runtime.kind === 'too_old') {
  console.error(`relay: ${runtime.message}`);
  process.exit(EXIT_BAD_RUNTIME);
}
if (runtime.kind === 'flags_missing' && process.env[RESTARTED_VARIABLE] === undefined) restart(runtime.flags);
delete process.env[RESTARTED_VARIABLE];

// Not a static import: those come before the first line, and an older Node would fail over what it cannot read there.
const { runSubcommand } = await import('./subcommand/subcommand.ts');
const exitCode = runSubcommand(process.argv.slice(2), {
  env: process.env,
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
  now: Date.now(),
});
if (exitCode === undefined) {
  const { runRelay } = await import('./relay-process.ts');
  await runRelay({
    env: process.env,
    complain: (fault) => {
      console.error(fault);
    },
  });
} else process.exitCode = exitCode;

/**
 * Becomes the same program with `flags`: same process, standard streams, signals and environment. V8 sizes its heap when
 * it starts, so a Node that runs cannot be given them. Returns when it cannot be done.
 */
function restart(flags: readonly string[]): void {
  try {
    // A Node that does not know a flag ends over it, and by then there would be no way back.
    const trial = spawnSync(process.execPath, [...flags, '--version'], { encoding: 'utf8' });
    if (trial.status !== 0) throw new Error(trial.stderr.trim());
    const args = [process.argv0, ...flags, ...process.execArgv, ...process.argv.slice(1)];
    process.execve?.(process.execPath, args, { ...process.env, [RESTARTED_VARIABLE]: '1' });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`relay: more CPU per byte without Node's ${flags.join(' ')}: ${reason}`);
  }
}

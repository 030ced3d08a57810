// The built relay's program where it is no relay: what an operator runs to make a token, to check a policy, or by mistake.
import { join } from 'node:path';
import { DIST } from '../../../deploy/build/source-tree.ts';
import { SYSTEM_PATH, type World } from '../laptop/world.ts';

export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `node dist/relay/main.js ARGS` to its end. */
export async function runRelayCommand(
  world: World,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandOutcome> {
  const started = world.start(
    `relay ${args.join(' ')}`,
    [process.execPath, join(DIST, 'relay/main.js'), ...args],
    {
      cwd: world.folder,
      env: { PATH: SYSTEM_PATH, HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0', ...env },
    },
  );
  const { code } = await started.exited;
  return { code, stdout: started.stdout, stderr: started.stderr };
}

/** A token of the command `token`, and its lines for the policy as they were printed. */
export interface MadeToken {
  readonly secret: string;
  /** To stand, indented, under `tokens:`. */
  readonly lines: readonly string[];
}

/** Makes a token as deploy/README.md says it. */
export async function makeToken(world: World, name: string): Promise<MadeToken> {
  const { code, stdout, stderr } = await runRelayCommand(world, ['token', name]);
  if (code !== 0) throw new Error(`token ended with ${code}: ${stderr}`);
  const lines = stderr.split('\n').filter((line) => /^(?:- | {2})\w+: /.test(line));
  return { secret: stdout.trimEnd(), lines };
}

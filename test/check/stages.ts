// Stages: the commands that a check consists of, run one after the other with their times.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { ROOT } from '../../deploy/build/source-tree.ts';

export interface Stage {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** What to do when it fails, where its own words do not say it. */
  readonly remedy?: string;
}

/** What `npm run lint` is, and the first half of `npm test`. */
export const STATIC_STAGES: readonly Stage[] = [
  { name: 'format', command: ['biome', 'check'], remedy: '`npm run format` formats' },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'rooms', command: ['node', 'test/house/main.ts'] },
  { name: 'types', command: ['tsc'] },
  { name: 'types of the terminal page', command: ['tsc', '-p', 'services/clients/browser/page'] },
  {
    name: 'types of a page',
    command: ['tsc', '-p', 'tsconfig.page.json'],
    remedy: 'what runs in a page too knows neither Node nor a document: see tsconfig.page.json',
  },
  {
    name: 'unused code',
    command: ['knip'],
    remedy: 'remove what is named above, or use it; entry points are in knip.json',
  },
];

/** The single-file programs and the relay's bundle under dist/; what is up to date is not made again. */
export const BUILD: Stage = { name: 'build', command: ['node', 'deploy/build/main.ts'] };

/** Runs one stage and says how long it took. */
export async function runStage({ name, command, remedy }: Stage): Promise<boolean> {
  console.log(`\n== ${name}`);
  const begin = performance.now();
  const isGood = await runTool(command);
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  const hint = isGood || remedy === undefined ? '' : `: ${remedy}`;
  console.log(`== ${name}: ${isGood ? 'ok' : 'FAILED'} (${seconds} s)${hint}`);
  return isGood;
}

/** The tools are those of this project, and so is the Node that runs them, whatever the machine has. */
export async function runTool([file, ...args]: Stage['command']): Promise<boolean> {
  const path = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const child = spawn(file, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: path },
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0;
}

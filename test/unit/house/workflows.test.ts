// The workflows: they call scripts that exist, may do no more than they need, and run no code that somebody can swap.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { FOREIGN_PLATFORMS } from '../../../deploy/build/platform.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';

const FOLDER = join(ROOT, '.github/workflows');

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

/** What a job may be given beyond reading the sources, and the step that needs it. */
const GRANTS: Readonly<Record<string, RegExp>> = {
  'contents: read': /./,
  'contents: write': /gh release create/,
  'packages: write': /docker (login|buildx)|helm push/,
  'id-token: write': /attest-build-provenance/,
  'attestations: write': /attest-build-provenance/,
};

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

/** npm's own commands that a workflow may call. */
const NPM_COMMANDS = ['ci', 'sbom', 'test', 'start'];

/** One sentence for each thing that is wrong with a workflow, and what to do. */
function workflowFaults(text: string): string[] {
  const workflow = parse(text) as Workflow;
  const faults: string[] = [];
  if (JSON.stringify(workflow.permissions) !== '{"contents":"read"}')
    faults.push('permissions of the workflow: say "contents: read" and give a job what it needs beyond');
  for (const [, rest = ''] of text.matchAll(/uses: *(\S+.*)$/gm)) {
    if (!/^(actions\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\.\/\S+)$/.test(rest))
      faults.push(`uses ${rest}: take GitHub's own actions, by commit, with the version behind #`);
  }
  const hosts = /\b(ghcr|docker|quay|gcr|npmjs)\.(io|com|org)\b/g;
  for (const [host] of text.matchAll(hosts)) faults.push(`names ${host}: take it from a variable`);
  for (const [name, job] of Object.entries(workflow.jobs)) faults.push(...jobFaults(name, job));
  return faults;
}

function jobFaults(name: string, { permissions = {}, steps = [], uses, ...job }: Job): string[] {
  const faults: string[] = [];
  const written = steps.map((step) => `${step.uses ?? ''}${step.run ?? ''}`).join('\n');
  for (const [scope, level] of Object.entries(permissions)) {
    if (GRANTS[`${scope}: ${level}`]?.test(written) !== true)
      faults.push(`job ${name} has ${scope}: ${level} and no step that needs it: take it away`);
  }
  if (uses === undefined && job['timeout-minutes'] === undefined)
    faults.push(`job ${name} may hang for six hours: give it timeout-minutes`);
  for (const { run = '' } of steps) {
    for (const [, command = '', script = ''] of run.matchAll(/\bnpm (run|[a-z]+)(?: ([a-z][\w:-]*))?/g)) {
      const isKnown = command === 'run' ? script in scripts : NPM_COMMANDS.includes(command);
      const called = command === 'run' ? `npm run ${script}` : `npm ${command}`;
      if (!isKnown) faults.push(`job ${name} calls ${called}, which package.json lacks: correct the name`);
    }
    if (/\$\{\{ *(github\.(event|head_ref|ref_name)|inputs)/.test(run))
      faults.push(`job ${name} puts words of others into a script: pass them in env`);
  }
  return faults;
}

describe.each(readdirSync(FOLDER))('%s', (file) => {
  test('keeps to the rules', () => {
    expect(workflowFaults(readFileSync(join(FOLDER, file), 'utf8'))).toEqual([]);
  });
});

test('every change runs the checks and the tests that everybody runs, and a release waits for them', () => {
  const read = (file: string) => parse(readFileSync(join(FOLDER, file), 'utf8')) as Workflow;
  const called = Object.values(read('ci.yml').jobs).flatMap(({ steps = [] }) => steps.map(({ run }) => run));
  expect(called).toEqual(
    expect.arrayContaining(['npm ci', 'npm run lint', 'npm test', 'npm run test:clients']),
  );
  expect(read('release.yml').jobs['ci']?.uses).toBe('./.github/workflows/ci.yml');
});

/** The label of a runner that is of this system and this processor. */
const RUNNERS: Readonly<Record<string, RegExp>> = {
  'darwin-arm64': /^macos-\d+$/,
  'darwin-x64': /^macos-\d+-intel$/,
  'windows-x64': /^windows-\d+$/,
};

interface UploadStep {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
}

test('every other system carries a whole session with what was built for it', () => {
  const { build, session } = (parse(readFileSync(join(FOLDER, 'systems.yml'), 'utf8')) as Workflow).jobs;
  const {
    needs,
    strategy,
    steps = [],
  } = session as Job & {
    readonly needs?: string;
    readonly strategy?: { readonly matrix: { readonly include: readonly Record<string, string>[] } };
  };
  expect(needs).toBe('build');
  const runners = strategy?.matrix.include ?? [];
  expect(runners.map(({ platform }) => platform)).toEqual(FOREIGN_PLATFORMS.map(({ name }) => name));
  for (const { platform = '', runner } of runners) expect(runner).toMatch(RUNNERS[platform] ?? /never/);
  const uploads = ((build?.steps ?? []) as readonly UploadStep[])
    .filter(({ uses = '' }) => uses.startsWith('actions/upload-artifact@'))
    .map(({ with: options }) => [options?.['name'], options?.['path']?.trim().split('\n')]);
  expect(uploads).toEqual(
    FOREIGN_PLATFORMS.map(({ name, extension }) => [
      `programs-${name}`,
      ['dist/relay/', `dist/bin/agent-${name}${extension}`, `dist/bin/wsproxy-${name}${extension}`],
    ]),
  );
  const download = (steps as readonly UploadStep[]).find(({ uses = '' }) =>
    uses.includes('/download-artifact@'),
  );
  expect(download?.with).toEqual({ name: 'programs-${{ matrix.platform }}', path: 'dist' });
  expect(build?.steps?.map(({ run }) => run)).toContain('npm run test:laptops');
  expect(steps.at(-1)?.run).toBe('npm run test:session');
  expect(scripts['test:session']).toBe('node test/laptops/whole-session.ts');
});

describe('a violation is found', () => {
  const workflow = (job: string, top = 'permissions: { contents: read }') =>
    `${top}\njobs:\n  one:\n    timeout-minutes: 1\n${job.replaceAll(/^/gm, '    ')}\n`;
  const sha = 'a'.repeat(40);

  test.each([
    [
      'a script that is gone',
      workflow('steps: [{ run: npm run gone }]'),
      /npm run gone, which package.json lacks/,
    ],
    [
      'a command that npm lacks',
      workflow('steps: [{ run: npm tset }]'),
      /npm tset, which package.json lacks/,
    ],
    [
      'an action by its tag',
      workflow('steps:\n  - uses: actions/checkout@v6'),
      /uses actions\/checkout@v6: take/,
    ],
    ['an action of others', workflow(`steps:\n  - uses: some/one@${sha} # v1.0.0`), /uses some\/one.*: take/],
    [
      'a commit without its version',
      workflow(`steps:\n  - uses: actions/checkout@${sha}`),
      /with the version/,
    ],
    [
      'a right that nothing needs',
      workflow('permissions: { packages: write }\nsteps: []'),
      /packages: write and no/,
    ],
    [
      'a right that is not known',
      workflow('permissions: { issues: write }\nsteps: []'),
      /issues: write and no step/,
    ],
    ['all rights', workflow('steps: []', 'permissions: write-all'), /permissions of the workflow/],
    ['no word of rights', workflow('steps: []', 'name: x'), /permissions of the workflow/],
    [
      'words of others in a script',
      workflow('steps: [{ run: "echo ${{ github.head_ref }}" }]'),
      /words of others/,
    ],
    ['a host of a registry', workflow('steps: [{ run: docker push ghcr.io/x }]'), /names ghcr.io/],
    [
      'a job without an end',
      'permissions: { contents: read }\njobs: { one: { steps: [] } }',
      /timeout-minutes/,
    ],
  ])('%s', (_, text, fault) => {
    const faults = workflowFaults(text);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(fault);
  });
});

// GitLab: the component's file, what GitLab makes of it, and the script that its runner hands to a shell.
import { z } from 'zod';
import { readCiYaml, shaped } from './ci-file.ts';
import { type CiStep, type CiSystem, fillIn, quoteWord, type StepWish } from './step.ts';

const FILE = 'gitlab/templates/converge.yml';

/** https://docs.gitlab.com/ci/inputs */
const HEADER = z.strictObject({
  spec: z.strictObject({
    inputs: z.record(
      z.string().regex(/^[a-z][a-z0-9_-]*$/),
      z.strictObject({
        description: z.string(),
        default: z.string().optional(),
        regex: z.string().optional(),
        options: z.array(z.string()).optional(),
        type: z.enum(['string', 'number', 'boolean', 'array']).optional(),
      }),
    ),
  }),
});

/** https://docs.gitlab.com/ci/yaml: the keywords of a job that are used here. */
const JOB = z.strictObject({
  timeout: z.string(),
  id_tokens: z.record(z.string(), z.strictObject({ aud: z.string() })),
  variables: z.record(z.string().regex(/^[A-Z0-9_]+$/), z.string()),
  before_script: z.array(z.string()),
});

export function readComponent() {
  const [header, body, ...more] = readCiYaml(FILE);
  if (more.length > 0) throw new Error(`${FILE} holds more than a header and a body`);
  return {
    inputs: shaped(FILE, header, HEADER).spec.inputs,
    job: shaped(FILE, body, z.strictObject({ '.converge': JOB }))['.converge'],
  };
}

/** What GitLab gives every job. */
const GITLAB_VARIABLES = {
  CI: 'true',
  GITLAB_CI: 'true',
  CI_SERVER_URL: 'https://gitlab.example',
  GITLAB_USER_LOGIN: 'jane',
  CI_PROJECT_ID: '7',
  CI_JOB_ID: '4711',
};

function gitlabStep(wrap: (quoted: string) => string, { relay, command, shell, options }: StepWish): CiStep {
  const { inputs, job } = readComponent();
  const given: Readonly<Record<string, string | undefined>> = { relay, ...options };
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, { default: fallback, regex }]) => {
      const value = given[name] ?? fallback;
      if (value === undefined) throw new Error(`the input ${name} is missing`);
      if (regex !== undefined && !new RegExp(regex).test(value)) throw new Error(`${value} is no ${name}`);
      return [`inputs.${name}`, value];
    }),
  );
  const fill = (text: string): string => fillIn(text, ['$[[', ']]'], values);
  if (!/^\d+[hm]$/.test(fill(job.timeout)))
    throw new Error(`the job has ${fill(job.timeout)} as its timeout`);
  const env: Record<string, string> = { ...GITLAB_VARIABLES };
  // The runner puts a token for that audience there.
  for (const [name, { aud }] of Object.entries(job.id_tokens)) env[name] = `token-for-${fill(aud)}`;
  for (const [name, text] of Object.entries(job.variables))
    env[name] = fill(text).replaceAll(/\$([A-Z_]+)/g, (_, other) => env[other] ?? '');
  const lines = [...job.before_script, command].map((line) => `${fill(line)}\n`);
  // As shells/bash.go of GitLab Runner writes it; the shell reads it from its input.
  const script = [
    'trap exit 1 TERM',
    'set -o errexit',
    'set +o noclobber',
    wrap(quoteWord(lines.join(''))),
    'exit 0',
    '',
  ].join('\n');
  return { command: shell, stdin: script, env };
}

export const GITLAB: CiSystem = {
  name: 'GitLab',
  canContinue: true,
  stepOf: (wish) => gitlabStep((quoted) => `: | eval ${quoted}`, wish),
};

/** The same with FF_USE_NEW_BASH_EVAL_STRATEGY. */
export const GITLAB_NEW_EVAL: CiSystem = {
  name: 'GitLab, new eval',
  canContinue: true,
  stepOf: (wish) => gitlabStep((quoted) => `: | (eval ${quoted})`, wish),
};

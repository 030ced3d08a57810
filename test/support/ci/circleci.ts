// CircleCI: the orb, and the step that its command becomes.
import { z } from 'zod';
import { readShaped } from './ci-file.ts';
import { type CiStep, type CiSystem, fillIn, type StepWish } from './step.ts';

/** https://circleci.com/docs/reference/configuration-reference/#run */
const RUN = z.strictObject({
  name: z.string(),
  command: z.string(),
  environment: z.record(z.string().regex(/^[A-Z0-9_]+$/), z.string()),
  no_output_timeout: z.string(),
  when: z.enum(['always', 'on_success', 'on_fail']).optional(),
});

/** https://circleci.com/docs/reference/reusing-config/ */
const COMMAND = z.strictObject({
  description: z.string(),
  parameters: z.record(
    z.string().regex(/^[a-z][a-z0-9-]+$/),
    z.strictObject({
      type: z.enum(['string', 'boolean', 'integer', 'enum', 'executor', 'steps', 'env_var_name']),
      description: z.string(),
      default: z.string().optional(),
    }),
  ),
  steps: z.tuple([z.strictObject({ run: RUN })]),
});

const EXAMPLE = z.strictObject({
  description: z.string(),
  usage: z.strictObject({
    version: z.literal(2.1),
    orbs: z.record(z.string(), z.string().regex(/^[\w-]+\/[\w-]+@\d+\.\d+\.\d+$/i)),
    jobs: z.record(
      z.string(),
      z.strictObject({
        docker: z.array(z.strictObject({ image: z.string() })),
        steps: z.array(z.union([z.string(), z.record(z.string(), z.unknown())])),
      }),
    ),
    workflows: z.record(z.string(), z.strictObject({ jobs: z.array(z.string()) })),
  }),
});

const ORB = z.strictObject({
  version: z.literal(2.1),
  description: z.string(),
  commands: z.strictObject({ run: COMMAND, 'on-failure': COMMAND }),
  examples: z.record(z.string(), EXAMPLE),
});

export function readOrb() {
  return readShaped('circleci/orb.yml', ORB);
}

/** What CircleCI gives every job of a repository on GitHub. */
export const CIRCLE_VARIABLES = {
  CI: 'true',
  CIRCLECI: 'true',
  CIRCLE_REPOSITORY_URL: 'git@github.com:acme/shop.git',
  CIRCLE_USERNAME: 'jane',
};

function circleStep(name: 'run' | 'on-failure', { relay, command, shell, options }: StepWish): CiStep {
  const { parameters, steps } = readOrb().commands[name];
  const given: Readonly<Record<string, string | undefined>> = { relay, command, ...options };
  const values = Object.fromEntries(
    Object.entries(parameters).map(([parameter, { default: fallback }]) => {
      const value = given[parameter] ?? fallback;
      if (value === undefined) throw new Error(`the parameter ${parameter} is missing`);
      return [`parameters.${parameter}`, value];
    }),
  );
  const [{ run }] = steps;
  const set = Object.entries(run.environment).map(([key, text]) => [key, fillIn(text, ['<<', '>>'], values)]);
  return {
    command: [...shell, '-e', '-c', fillIn(run.command, ['<<', '>>'], values)],
    env: { ...CIRCLE_VARIABLES, ...Object.fromEntries(set) },
  };
}

export const CIRCLECI: CiSystem = {
  name: 'CircleCI',
  canContinue: true,
  stepOf: (wish) => circleStep('run', wish),
};

/** A step of its own, after the job's command: that one's exit code is in no variable. */
export const CIRCLECI_ON_FAILURE: CiSystem = {
  name: 'CircleCI, on-failure',
  canContinue: false,
  ownStep: true,
  stepOf: (wish) => circleStep('on-failure', wish),
};

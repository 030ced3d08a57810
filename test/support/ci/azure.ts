// Azure Pipelines: the steps template, and the script of its step.
import { z } from 'zod';
import { readShaped } from './ci-file.ts';
import { type CiStep, type CiSystem, fillIn, type StepWish } from './step.ts';

/** https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/steps-bash and …/parameters */
const TEMPLATE = z.strictObject({
  parameters: z.array(
    z.strictObject({
      name: z.string().regex(/^\w+$/),
      type: z.enum(['string', 'number', 'boolean', 'object', 'step', 'stepList']),
      default: z.union([z.string(), z.number()]).optional(),
    }),
  ),
  steps: z.tuple([
    z.strictObject({
      bash: z.string(),
      displayName: z.string(),
      condition: z.literal('failed()'),
      continueOnError: z.literal(true),
      timeoutInMinutes: z.string(),
      env: z.record(z.string().regex(/^[A-Z0-9_]+$/), z.string()),
    }),
  ]),
});

function azureStep({ relay, shell, options }: StepWish): CiStep {
  const { parameters, steps } = readShaped('azure/converge.yml', TEMPLATE);
  const given: Readonly<Record<string, string | undefined>> = { relay, ...options };
  const values = Object.fromEntries(
    parameters.map(({ name, default: fallback }) => {
      const value = given[name] ?? fallback;
      if (value === undefined) throw new Error(`the parameter ${name} is missing`);
      return [`parameters.${name}`, String(value)];
    }),
  );
  const [{ bash, env }] = steps;
  const set = Object.entries(env).map(([key, text]) => [key, fillIn(text, ['${{', '}}'], values)]);
  return {
    command: [...shell, '-c', fillIn(bash, ['${{', '}}'], values)],
    env: { TF_BUILD: 'True', BUILD_REQUESTEDFOR: 'Jane Doe', ...Object.fromEntries(set) },
  };
}

export const AZURE: CiSystem = {
  name: 'Azure Pipelines',
  canContinue: false,
  ownStep: true,
  shells: ['bash'],
  stepOf: azureStep,
};

// Buildkite: the plugin, and what an agent does with its hooks, on the host and with a Docker plugin.
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { readShaped } from './ci-file.ts';
import { type CiStep, type CiSystem, quoteWord, type StepWish } from './step.ts';

/** https://buildkite.com/docs/pipelines/integrations/plugins/writing */
const PLUGIN = z.strictObject({
  name: z.literal('Converge'),
  description: z.string(),
  author: z.string(),
  requirements: z.array(z.string()),
  configuration: z.strictObject({
    properties: z.record(
      z.string().regex(/^[a-z0-9-]+$/),
      z.strictObject({ type: z.enum(['string', 'boolean', 'number', 'array']) }),
    ),
    required: z.array(z.string()),
    additionalProperties: z.literal(false),
  }),
});

export function readPlugin() {
  return readShaped('buildkite/plugin.yml', PLUGIN);
}

const HOOKS = join(ROOT, 'deploy/ci/buildkite/hooks');

/** As an agent makes them of the options. */
function pluginVariables({ relay, options }: StepWish): Record<string, string> {
  const { properties, required } = readPlugin().configuration;
  const given: Readonly<Record<string, string>> = { relay, ...options };
  for (const name of required) if (given[name] === undefined) throw new Error(`${name} is missing`);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (properties[name] === undefined) throw new Error(`the plugin takes no ${name}`);
      return [`BUILDKITE_PLUGIN_CONVERGE_${name.toUpperCase().replaceAll('-', '_')}`, value];
    }),
  );
}

const BUILDKITE_VARIABLES = { CI: 'true', BUILDKITE: 'true', BUILDKITE_JOB_ID: '4711' };

/** The phases of a job, in the shell of the agent: each hook's exports are the next one's variables. */
function hostStep(wish: StepWish): CiStep {
  const { shell, command } = wish;
  const phases = `. ${quoteWord(join(HOOKS, 'pre-command'))}
${[...shell, '-e', '-c'].map(quoteWord).join(' ')} ${quoteWord(command)}
export BUILDKITE_COMMAND_EXIT_STATUS=$?
bash ${quoteWord(join(HOOKS, 'post-command'))} || exit 99
exit "$BUILDKITE_COMMAND_EXIT_STATUS"`;
  const env = {
    ...BUILDKITE_VARIABLES,
    BUILDKITE_COMMAND: command,
    BUILDKITE_PLUGINS: '[{"…/converge#v1":{}}]',
  };
  return { command: ['bash', '-c', phases], env: { ...env, ...pluginVariables(wish) } };
}

/** The command hook of the Docker plugin: `docker run IMAGE sh -e -c "$BUILDKITE_COMMAND"`, with none of the variables. */
function dockerStep(wish: StepWish): CiStep {
  const { shell, command } = wish;
  const inside = ['env', '-i', 'PATH=/usr/bin:/bin', ...shell, '-e', '-c'].map(quoteWord).join(' ');
  const phases = `. ${quoteWord(join(HOOKS, 'pre-command'))}
[ "$(printf '%s\\n' "$BUILDKITE_COMMAND" | wc -l)" -eq 1 ] || exit 98
${inside} "$BUILDKITE_COMMAND"
export BUILDKITE_COMMAND_EXIT_STATUS=$?
bash ${quoteWord(join(HOOKS, 'post-command'))} || exit 99
exit "$BUILDKITE_COMMAND_EXIT_STATUS"`;
  const plugins = '[{"github.com/buildkite-plugins/docker-buildkite-plugin#v5.13.0":{"image":"debian"}}]';
  const env = { ...BUILDKITE_VARIABLES, BUILDKITE_COMMAND: command, BUILDKITE_PLUGINS: plugins };
  return { command: ['bash', '-c', phases], env: { ...env, ...pluginVariables(wish) } };
}

export const BUILDKITE: CiSystem = {
  name: 'Buildkite',
  canContinue: false,
  hasCommandApart: true,
  stepOf: hostStep,
};
export const BUILDKITE_DOCKER: CiSystem = {
  name: 'Buildkite, in a container',
  canContinue: true,
  hasCommandApart: true,
  stepOf: dockerStep,
};

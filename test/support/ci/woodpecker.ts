// Woodpecker, and Drone: the pipeline, and the script that a step's commands become.
import { z } from 'zod';
import { readShaped } from './ci-file.ts';
import { type CiStep, type CiSystem, quoteWord, type StepWish } from './step.ts';

/** https://woodpecker-ci.org/docs/usage/workflow-syntax */
const PIPELINE = z.strictObject({
  steps: z.tuple([
    z.strictObject({
      name: z.string(),
      image: z.string(),
      environment: z.record(z.string(), z.string()),
      commands: z.array(z.string()),
    }),
  ]),
});

/** Both replace `${…}` before anything runs. */
function preprocess(text: string): string {
  return text.replaceAll(/\$?\$\{[^}]*\}/g, (found) => (found.startsWith('$$') ? found.slice(1) : ''));
}

function woodpeckerStep({ relay, command, shell, options = {} }: StepWish): CiStep {
  const [step] = readShaped('woodpecker/woodpecker.yml', PIPELINE).steps;
  const commands = step.commands.map((line) => preprocess(line === 'make test' ? command : line));
  const script = ['set -e', ...commands.flatMap((line) => [`echo + ${quoteWord(line)}`, line]), ''];
  const { allow, id, sha256 } = options;
  return {
    command: [...shell, '-e'],
    stdin: script.join('\n'),
    env: {
      CI: 'woodpecker',
      ...step.environment,
      CONVERGE_RELAY: relay,
      ...(allow === undefined ? {} : { CONVERGE_ALLOW: allow }),
      ...(id === undefined ? {} : { CONVERGE_ID: id }),
      ...(sha256 === undefined ? {} : { CONVERGE_SHA256: sha256 }),
    },
  };
}

export const WOODPECKER: CiSystem = { name: 'Woodpecker', canContinue: true, stepOf: woodpeckerStep };

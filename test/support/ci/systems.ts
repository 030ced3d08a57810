// All systems whose steps can be run here by a shell, and the shells that images have.
import { AZURE } from './azure.ts';
import { BUILDKITE, BUILDKITE_DOCKER } from './buildkite.ts';
import { readCiText } from './ci-file.ts';
import { CIRCLECI, CIRCLECI_ON_FAILURE } from './circleci.ts';
import { DOCKER } from './docker.ts';
import { GITLAB, GITLAB_NEW_EVAL } from './gitlab.ts';
import { ARGO, KUBERNETES, TEKTON } from './kubernetes.ts';
import { type CiStep, type CiSystem, quoteWord } from './step.ts';
import { WOODPECKER } from './woodpecker.ts';

/** The lines of the door as they are in `text`, in the place of which there is nothing. */
export function withoutDoor(step: CiStep): CiStep {
  const door = readCiText('door.sh').trimEnd();
  const quoted = quoteWord(door).slice(1, -1);
  const strip = (text: string): string => text.replace(door, ':').replace(quoted, ':');
  const [program, ...args] = step.command;
  return {
    ...step,
    command: [program, ...args.map(strip)],
    ...(step.stdin === undefined ? {} : { stdin: strip(step.stdin) }),
  };
}

export const SYSTEMS: readonly CiSystem[] = [
  GITLAB,
  GITLAB_NEW_EVAL,
  CIRCLECI,
  CIRCLECI_ON_FAILURE,
  BUILDKITE,
  BUILDKITE_DOCKER,
  AZURE,
  WOODPECKER,
  TEKTON,
  ARGO,
  KUBERNETES,
  DOCKER,
];

const SHELLS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  dash: ['dash'],
  bash: ['bash'],
  busybox: ['busybox', 'sh'],
};

/** A system with a shell. */
export interface Cell {
  readonly name: string;
  readonly system: CiSystem;
  readonly shell: readonly [string, ...string[]];
}

/** Every system with every shell that it may run such a step with. */
export const CELLS: readonly Cell[] = SYSTEMS.flatMap((system) =>
  Object.entries(SHELLS)
    .filter(([name]) => system.shells?.includes(name) ?? true)
    .map(([name, shell]) => ({ name: `${system.name} in ${name}`, system, shell })),
);

// Docker: the RUN of the Dockerfile, as a builder hands it to the shell of the image.
import { readCiText } from './ci-file.ts';
import type { CiStep, CiSystem, StepWish } from './step.ts';

function runStep({ relay, command, shell, options = {} }: StepWish): CiStep {
  const joined = readCiText('docker/Dockerfile').replaceAll(/\\\n\s*/g, '');
  const [, line = ''] = /^RUN (.*)$/m.exec(joined) ?? [];
  const [, allow = ''] = /^ARG CONVERGE_ALLOW=(.*)$/m.exec(joined) ?? [];
  return {
    command: [...shell, '-c', line.replace('make test', () => command)],
    env: { CONVERGE_RELAY: relay, CONVERGE_ALLOW: options.allow ?? allow },
  };
}

/** It has no pin and no ID: the line would not be one any more. */
export const DOCKER: CiSystem = {
  name: 'Dockerfile',
  canContinue: true,
  hasCommandApart: true,
  isOneLine: true,
  stepOf: runStep,
};

// The attribute steps: setting several attributes, one system call each, in OpenSSH's order.

import type { Attributes } from '../attributes.ts';

export interface AttributeSteps {
  size(bytes: number): Promise<void>;
  permissions(mode: number): Promise<void>;
  times(times: NonNullable<Attributes['times']>): Promise<void>;
  owner(owner: NonNullable<Attributes['owner']>): Promise<void>;
}

/** Sets what `attributes` has. A step that fails does not stop the others; the last failure is thrown at the end. */
export async function applyEach(attributes: Attributes, steps: AttributeSteps): Promise<void> {
  const { size, permissions, times, owner } = attributes;
  const outcomes = [
    size === undefined ? undefined : await outcomeOf(steps.size(size)),
    permissions === undefined ? undefined : await outcomeOf(steps.permissions(permissions)),
    times === undefined ? undefined : await outcomeOf(steps.times(times)),
    owner === undefined ? undefined : await outcomeOf(steps.owner(owner)),
  ];
  const failure = outcomes.findLast((outcome) => outcome?.kind === 'failed');
  if (failure !== undefined) {
    throw failure.error;
  }
}

type Outcome = { kind: 'set' } | { kind: 'failed'; error: unknown };

async function outcomeOf(step: Promise<void>): Promise<Outcome> {
  return step.then(
    () => ({ kind: 'set' }),
    (error: unknown) => ({ kind: 'failed', error }),
  );
}

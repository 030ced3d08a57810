// Admission of a run: whether it may be opened at all, and for whom.
import type { ActionInputs } from './action-inputs.ts';
import { type AllowedPeople, allowedPeople } from './allowed-people.ts';
import type { AskGithub } from './github-api.ts';
import { type RunEvent, trustOf, WAY_OUT_OF_DISTRUST } from './run-event.ts';
import type { StepEnvironment } from './runner-protocol.ts';

export type RunAdmission =
  | Extract<AllowedPeople, { kind: 'options' }>
  /** Says why, and the way out. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface AdmissionTerms {
  readonly env: StepEnvironment;
  readonly inputs: ActionInputs;
  readonly event: RunEvent;
  readonly ask: AskGithub;
}

/** Never rejects. */
export async function admit({ env, inputs, event, ask }: AdmissionTerms): Promise<RunAdmission> {
  const trust = inputs.allowsUntrusted ? { kind: 'trusted' as const } : trustOf(event);
  if (trust.kind === 'untrusted') return { kind: 'refused', reason: trust.reason };
  const allowed = allowedPeople(inputs, event, {
    serverUrl: (env['GITHUB_SERVER_URL'] || 'https://github.com').replace(/\/+$/, ''),
    hasPassword: (env['CONVERGE_PASSWORD'] ?? '') !== '',
  });
  if (allowed.kind === 'nobody') return { kind: 'refused', reason: allowed.reason };
  if (trust.kind === 'trusted' || !allowed.admitsActor) return allowed;
  const doubt = await doubtAbout(event, ask);
  return doubt === undefined ? allowed : { kind: 'refused', reason: doubt };
}

/** A reader of a public repository can open a pull request between two of its own branches, or comment; such a run has its secrets. */
async function doubtAbout(
  { name, repository, actor }: RunEvent,
  ask: AskGithub,
): Promise<string | undefined> {
  const answer = await ask(
    'GET',
    `/repos/${repository}/collaborators/${encodeURIComponent(actor)}/permission`,
  );
  if (answer.kind === 'failed')
    return `whether ${actor}, who started this ${name}, may write to the repository cannot be asked (${answer.fault}); ${WAY_OUT_OF_DISTRUST}`;
  const { permission } = (answer.body ?? {}) as { readonly permission?: unknown };
  // `maintain` is told as write, `triage` as read.
  if (answer.status === 200 && (permission === 'admin' || permission === 'write')) return undefined;
  if (answer.status === 200 || answer.status === 404)
    return `${actor}, who started this ${name}, may not write to the repository; name who may come in by access, or ${WAY_OUT_OF_DISTRUST}`;
  return `whether ${actor}, who started this ${name}, may write to the repository GitHub does not say (it answers ${answer.status}); ${WAY_OUT_OF_DISTRUST}`;
}

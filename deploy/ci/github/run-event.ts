// The run that this job belongs to: what started it, and whether that is somebody whom the repository trusts.
import { readFileSync } from 'node:fs';
import type { StepEnvironment } from './runner-protocol.ts';

export interface RunEvent {
  /** Such as `push`. */
  readonly name: string;
  /** `OWNER/NAME`. */
  readonly repository: string;
  /** Who started this run; of one that was run again, who did that. */
  readonly actor: string;
  /** What the check run is shown at: of a pull request its own latest commit, not the merge that is tried. */
  readonly commit: string;
  /** Of the code, where it is another one, or where nothing says that it is this one. */
  readonly fork: string | undefined;
  /** Or nothing says: the payload of a schedule may name no repository. */
  readonly isPublic: boolean;
}

export type RunTrust =
  | { readonly kind: 'trusted' }
  /** Only if who started it may write to the repository. */
  | { readonly kind: 'by_permission' }
  /** Says why, and the way out. */
  | { readonly kind: 'untrusted'; readonly reason: string };

/** Whoever starts these may write to the repository already; anything else a reader of a public one may be able to start. */
const WRITERS_EVENTS: ReadonlySet<string> = new Set([
  'create',
  'delete',
  'deployment',
  'merge_group',
  'push',
  'release',
  'repository_dispatch',
  'schedule',
  'workflow_dispatch',
]);

/** Their payloads say whose code it is. */
const CODE_OF_OTHERS = /^(?:pull_request|workflow_run)/;

/** What the workflow has to say to open such a run all the same. */
export const WAY_OUT_OF_DISTRUST =
  'if that is what you want, say allow-untrusted: true, and know that whoever comes in shares the machine with that code';

/** Reads the payload that the runner left in a file. Never throws: what cannot be read is not there. */
export function readRunEvent(env: StepEnvironment): RunEvent {
  const payload = readPayload(env['GITHUB_EVENT_PATH'] ?? '');
  const repository = env['GITHUB_REPOSITORY'] ?? '';
  const name = env['GITHUB_EVENT_NAME'] ?? '';
  const head = at(payload, 'pull_request', 'head');
  const source = head === undefined ? at(payload, 'workflow_run', 'head_repository') : at(head, 'repo');
  const isSaid = head !== undefined || at(payload, 'workflow_run') !== undefined;
  // A step before this one can write into the payload.
  const isFromElsewhere = isSaid || CODE_OF_OTHERS.test(name);
  // The repository of a fork that was deleted is null.
  const unnamed = isSaid ? 'a fork that is gone' : 'a repository that its event does not name';
  const sourceName = textAt(source, 'full_name') ?? unnamed;
  return {
    name,
    repository,
    actor: env['GITHUB_TRIGGERING_ACTOR'] || env['GITHUB_ACTOR'] || '',
    commit: textAt(head, 'sha') ?? env['GITHUB_SHA'] ?? '',
    fork: isFromElsewhere && sourceName.toLowerCase() !== repository.toLowerCase() ? sourceName : undefined,
    isPublic: at(payload, 'repository', 'private') !== true,
  };
}

/** Whether the run may be opened, as far as what started it says. */
export function trustOf({ name, fork }: RunEvent): RunTrust {
  if (name === 'pull_request_target')
    return {
      kind: 'untrusted',
      reason: `pull_request_target gives this repository's secrets to a run that anybody can start; ${WAY_OUT_OF_DISTRUST}`,
    };
  if (fork !== undefined)
    return { kind: 'untrusted', reason: `the code of this run is from ${fork}; ${WAY_OUT_OF_DISTRUST}` };
  return { kind: WRITERS_EVENTS.has(name) ? 'trusted' : 'by_permission' };
}

function readPayload(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[name];
  }
  return here;
}

function textAt(value: unknown, name: string): string | undefined {
  const found = at(value, name);
  return typeof found === 'string' ? found : undefined;
}

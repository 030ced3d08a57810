// What the step at the end of the job knows from the step at its place: the runner keeps it, and the job cannot change it.
import type { AgentFile } from './agent-file.ts';
import type { CheckRun } from './check-run.ts';
import type { AgentPlace } from './door.ts';
import type { RunEvent } from './run-event.ts';
import type { StepEnvironment } from './runner-protocol.ts';

export type StepState =
  /** Not open yet; `agent` is undefined where it is still to be fetched. */
  | { readonly kind: 'prepared'; readonly event: RunEvent; readonly agent: AgentFile | undefined }
  /** In the background. */
  | (AgentPlace & { readonly kind: 'open'; readonly event: RunEvent; readonly checkRun: CheckRun })
  /** It was open, or could not be, and all was said. */
  | { readonly kind: 'done' };

/** GITHUB_STATE gives it to the other step as STATE_converge. */
export const STATE_NAME = 'converge';

/** What `saveState` left; nothing is as good as done. */
export function readState(env: StepEnvironment): StepState {
  const text = env[`STATE_${STATE_NAME}`] ?? '';
  return text === '' ? { kind: 'done' } : (JSON.parse(text) as StepState);
}

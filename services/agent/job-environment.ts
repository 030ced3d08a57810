// The job's environment, as the sessions see it.
import type { Environment } from './ci/environment.ts';

/** Variables that are the agent's own and that no session needs to see. */
const PRIVATE_VARIABLES: ReadonlySet<string> = new Set(['CONVERGE_PASSWORD', 'CONVERGE_AUTHORIZED_KEYS']);

/** What is set in `env`, without the agent's secrets. */
export function jobEnvironment(env: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !PRIVATE_VARIABLES.has(name)) kept[name] = value;
  }
  return kept;
}

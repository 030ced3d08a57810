// The launcher's words: what the launcher of a binary for Linux leaves in the environment (deploy/launcher/launcher.c).

/** The file that somebody started. */
const EXECUTABLE = 'CONVERGE_EXECUTABLE';

/** Before the names of what the loader would have taken to itself, such as LD_PRELOAD. */
const KEPT_PREFIX = 'CONVERGE_KEPT_';

/**
 * Takes the launcher's words out of `env`: what it kept from the loader has its own name again, for the programs that this one
 * starts. Returns the path of the file that somebody started; undefined where there was no launcher.
 */
export function takeLauncherWords(env: Record<string, string | undefined>): string | undefined {
  const executable = env[EXECUTABLE];
  delete env[EXECUTABLE];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(KEPT_PREFIX)) continue;
    delete env[name];
    env[name.slice(KEPT_PREFIX.length)] = value;
  }
  return executable;
}

// The launcher's words: what the launcher of a binary for Linux leaves in the environment (deploy/launcher/launcher.c).

/** The file that somebody started. */
const EXECUTABLE = 'CONVERGE_EXECUTABLE';

/** `NAME=PATH:NAME=PATH…` of the native addons. */
const ADDONS = 'CONVERGE_ADDONS';

/** Before the names of what the loader would have taken to itself, such as LD_PRELOAD. */
const KEPT_PREFIX = 'CONVERGE_KEPT_';

export interface LauncherWords {
  /** The file that somebody started; undefined where there was no launcher. */
  readonly executable: string | undefined;
  /** Paths, by the names of the files. */
  readonly addons: ReadonlyMap<string, string>;
}

/**
 * Takes the launcher's words out of `env`: what it kept from the loader has its own name again, for the programs that this one
 * starts.
 */
export function takeLauncherWords(env: Record<string, string | undefined>): LauncherWords {
  const { [EXECUTABLE]: executable, [ADDONS]: addons = '' } = env;
  delete env[EXECUTABLE];
  delete env[ADDONS];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(KEPT_PREFIX)) continue;
    delete env[name];
    env[name.slice(KEPT_PREFIX.length)] = value;
  }
  const pairs = [...addons.matchAll(/([^:=]+)=([^:]+)/g)];
  return { executable, addons: new Map(pairs.map(([, name = '', path = '']) => [name, path])) };
}

// Allowed people: which options of the agent say who may enter.
import type { ActionInputs } from './action-inputs.ts';
import type { RunEvent } from './run-event.ts';

/** A word of `access` that stands alone. */
export const PASSWORD_WORD = 'anyone-with-password';

export type AllowedPeople =
  | {
      readonly kind: 'options';
      readonly options: readonly string[];
      /** Whether whoever started the run gets in by that. */
      readonly admitsActor: boolean;
      /** Public keys that were written into the workflow; they reach the agent in a file. */
      readonly keys: readonly string[];
      /** What was left out, for people. */
      readonly notes: readonly string[];
    }
  /** Says why, and the way out. */
  | { readonly kind: 'nobody'; readonly reason: string };

/** What is in the environment beside the inputs. */
export interface AllowedTerms {
  /** Of this GitHub, without a slash at its end. */
  readonly serverUrl: string;
  /** Whether CONVERGE_PASSWORD is set: it is a secret then, and in no log. */
  readonly hasPassword: boolean;
}

/** A line of an authorized_keys file: the type, perhaps after options. */
const PUBLIC_KEY = /(?:^|\s)(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA/;

const NAME_SOMEBODY =
  'say who may come in: access: github:ORG/TEAM, for example, or authorized-keys, or access: policy';

/** Never throws. */
export function allowedPeople(
  inputs: Pick<ActionInputs, 'access' | 'authorizedKeys' | 'trustedUserCas' | 'allowsUntrusted'>,
  event: Pick<RunEvent, 'actor' | 'isPublic'>,
  terms: AllowedTerms,
): AllowedPeople {
  if (inputs.access.includes(PASSWORD_WORD)) return byPassword(inputs, event, terms);
  const notes: string[] = [];
  const options: string[] = [];
  let admitsActor = false;
  for (const word of inputs.access) {
    if (word === 'policy') options.push('--access', 'policy');
    else if (word !== 'actor') options.push('--allow', word);
    else if (event.actor === '') notes.push('GitHub does not say who started this run');
    else if (event.actor.endsWith('[bot]'))
      notes.push(`this run was started by ${event.actor}, which has no SSH keys`);
    else {
      admitsActor = true;
      options.push('--allow', accountOf(event.actor, terms.serverUrl));
    }
  }
  const keys = inputs.authorizedKeys.filter((line) => PUBLIC_KEY.test(line));
  for (const source of inputs.authorizedKeys)
    if (!keys.includes(source)) options.push('--authorized-keys', source);
  for (const authority of inputs.trustedUserCas) options.push('--trusted-user-ca', authority);
  if (options.length > 0 || keys.length > 0) return { kind: 'options', options, admitsActor, keys, notes };
  return { kind: 'nobody', reason: `${notes[0] ?? 'access names nobody'}; ${NAME_SOMEBODY}` };
}

function byPassword(
  { access, authorizedKeys, trustedUserCas, allowsUntrusted }: Parameters<typeof allowedPeople>[0],
  { isPublic }: Pick<RunEvent, 'isPublic'>,
  { hasPassword }: AllowedTerms,
): AllowedPeople {
  if (access.length + authorizedKeys.length + trustedUserCas.length > 1)
    return {
      kind: 'nobody',
      reason: `access: ${PASSWORD_WORD} stands alone, since the agent takes either keys or a password; choose one`,
    };
  if (isPublic && !hasPassword && !allowsUntrusted)
    return {
      kind: 'nobody',
      reason:
        'everybody can read the log of a public repository, and the password would be in it; ' +
        'set CONVERGE_PASSWORD from a secret, or let people in by their keys (access: actor)',
    };
  return { kind: 'options', options: [], admitsActor: false, keys: [], notes: [] };
}

/** `github:` means github.com to the agent; GitHub Enterprise Server has its lists elsewhere. */
function accountOf(actor: string, serverUrl: string): string {
  return serverUrl === 'https://github.com' ? `github:${actor}` : `${serverUrl}/${actor}.keys`;
}

// Who runs a client program, as its command line and its environment say.
import type { Environment } from '#shared/machine/environment.ts';
import type { ClientIdentity } from '../identity/client-prover.ts';
import { stateFolder } from '../sign-on/state-folder.ts';

/** Of both programs; each takes a file. */
export const IDENTITY_OPTIONS = ['identity', 'token-file'] as const;

/** For the help of both programs. */
export const IDENTITY_HELP = `  --identity FILE    if the relay asks who you are: your SSH key, with a certificate in FILE-cert.pub if
                     there is one, or the public half of a key in the ssh-agent; any of its keys if not given
  --token-file FILE  the same with a token; CONVERGE_TOKEN has one, too
`;

/** Reads the options' `values` and the variables. Never throws. */
export function readIdentity(values: ReadonlyMap<string, string>, env: Environment): ClientIdentity {
  return {
    keyFile: values.get('identity'),
    tokenFile: values.get('token-file'),
    token: env['CONVERGE_TOKEN'] || undefined,
    sshAgent: env['SSH_AUTH_SOCK'] || undefined,
    stateFolder: stateFolder(env),
  };
}

// The identity token of GitLab: a variable of the job, made at its start for the audience that the pipeline names.
// Any other CI system that hands a job its token may put it there too.
import type { Environment } from '#shared/machine/environment.ts';
import type { TokenSource } from './id-token-maker.ts';

/** Set by `id_tokens:` of the job. */
export const ID_TOKEN_VARIABLE = 'CONVERGE_ID_TOKEN';

/** Takes it from the environment. */
export function gitlabTokenSource(env: Environment): TokenSource {
  return (audience) => {
    const token = env[ID_TOKEN_VARIABLE] ?? '';
    if (token !== '') return Promise.resolve({ kind: 'token', token });
    const message = `this job has no ${ID_TOKEN_VARIABLE}: ${idTokensFor(audience)}`;
    return Promise.resolve({ kind: 'none', message, passes: false });
  };
}

/** What belongs into the job of the pipeline. */
export function idTokensFor(audience: string): string {
  return `write \`id_tokens: { ${ID_TOKEN_VARIABLE}: { aud: "${audience}" } }\` into the job in .gitlab-ci.yml`;
}

// Askpass: wsproxy as the program that ssh asks for a password, for a login without anybody there to type it.
import type { Environment } from '#shared/machine/environment.ts';

/** Set for the ssh of `wsproxy exec`, and so for the wsproxy that this ssh asks. */
const ASKPASS_VARIABLE = 'CONVERGE_ASKPASS';

/** "abc@ID's password: ", "(abc@ID) Password: ": the login of a job. A passphrase of a key is another secret. */
const ASKS_FOR_PASSWORD = /password:\s*$/i;

/** What ssh needs to ask the program in `file`: also an older one (before 8.4), which does so where it has a display and no terminal. */
export function askpassEnvironment(file: string, password: string, env: Environment): Environment {
  return {
    SSH_ASKPASS: file,
    SSH_ASKPASS_REQUIRE: 'force',
    DISPLAY: env['DISPLAY'] || ':0',
    [ASKPASS_VARIABLE]: '1',
    CONVERGE_PASSWORD: password,
  };
}

/** The answer to what ssh asks; `refused` to anything but the password; undefined if nothing was asked: this is another call. */
export function askpassAnswer(
  args: readonly string[],
  env: Environment,
): { readonly kind: 'password'; readonly text: string } | { readonly kind: 'refused' } | undefined {
  const [prompt, another] = args;
  if (env[ASKPASS_VARIABLE] !== '1' || prompt === undefined || another !== undefined) return undefined;
  const password = env['CONVERGE_PASSWORD'];
  if (password === undefined || !ASKS_FOR_PASSWORD.test(prompt)) return { kind: 'refused' };
  return { kind: 'password', text: password };
}

// The command line of wsproxy.
import { type Invalid, invalid, type PrintedText, readArguments } from '../command-line/arguments.ts';
import { type ClientDestination, readDestination } from '../command-line/destination.ts';
import { IDENTITY_HELP, IDENTITY_OPTIONS, readIdentity } from '../command-line/identity-options.ts';
import { VERSION } from '../command-line/version.ts';
import type { ClientIdentity } from '../identity/client-prover.ts';

const HELP = `wsproxy ${VERSION}: a way for ssh into a CI job, through a Converge relay

usage: wsproxy [--wait 30s] [--identity FILE] ws[s]://HOST/client/ID[#SHA256:FINGERPRINT]
       ssh -o ProxyCommand='wsproxy URL' USER@ID

Moves standard input and output. With a fingerprint after # the connection is cut unless the host has
that key; the fragment is not sent to the relay.

  --wait TIME        how long to wait for the agent to appear: 30s (as it is), 5m, 1h, or 0
${IDENTITY_HELP}  --version          print the version
  --help             print this

environment: CONVERGE_TOKEN, SSH_AUTH_SOCK, XDG_STATE_HOME (where a sign-on is kept);
             HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; NODE_EXTRA_CA_CERTS, SSL_CERT_FILE;
             CONVERGE_MASK=random for a middlebox that insists on masks that differ
exit codes:  0 the session ended, 2 bad arguments, 3 relay not reachable, 4 no such agent or refused,
             6 the host key does not match
`;

export interface WsproxyRun {
  readonly kind: 'run';
  readonly destination: ClientDestination;
  readonly identity: ClientIdentity;
}

export type WsproxyCommand = WsproxyRun | PrintedText | Invalid;

/** Reads the arguments after the program's name, and the variables of `env`. Never throws. */
export function parseWsproxyCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): WsproxyCommand {
  const parsed = readArguments(args, ['wait', ...IDENTITY_OPTIONS], HELP);
  if (parsed.kind !== 'arguments') return parsed;
  const { values, positionals } = parsed;
  const [url, extra] = positionals;
  if (url === undefined) return invalid('the URL is missing: wsproxy [--wait 30s] URL; --help tells more');
  if (extra !== undefined) return invalid(`one URL is enough, ${JSON.stringify(extra)} is too much`);
  const destination = readDestination(url, values.get('wait'), env);
  if (destination.kind === 'invalid') return destination;
  return { kind: 'run', destination, identity: readIdentity(values, env) };
}

// The command line of tcptows.
import type { AddressInfo } from 'node:net';
import { type Invalid, invalid, type PrintedText, readArguments } from '../command-line/arguments.ts';
import { type ClientDestination, readDestination } from '../command-line/destination.ts';
import { IDENTITY_HELP, IDENTITY_OPTIONS, readIdentity } from '../command-line/identity-options.ts';
import { VERSION } from '../command-line/version.ts';
import type { ClientIdentity } from '../identity/client-prover.ts';

const HELP = `tcptows ${VERSION}: a local TCP port that leads into a CI job, through a Converge relay

usage: tcptows [--bind 127.0.0.1] [--wait 30s] [--identity FILE] PORT ws[s]://HOST/client/ID[#SHA256:FINGERPRINT]
       ssh -p PORT USER@127.0.0.1

Every connection to PORT becomes a connection of its own to the job. With a fingerprint after # a
connection is cut unless the host has that key; the fragment is not sent to the relay.
PORT 0 takes a free one and prints it.

  --bind ADDRESS     where to listen: 127.0.0.1 (as it is) is for this machine only
  --wait TIME        how long to wait for the agent to appear: 30s (as it is), 5m, 1h, or 0
${IDENTITY_HELP}  --version          print the version
  --help             print this

environment: CONVERGE_TOKEN, SSH_AUTH_SOCK, XDG_STATE_HOME (where a sign-on is kept);
             HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; NODE_EXTRA_CA_CERTS, SSL_CERT_FILE;
             CONVERGE_MASK=random for a middlebox that insists on masks that differ
exit codes:  0 ended by SIGINT or SIGTERM, 1 the port cannot be had, 2 bad arguments
`;

const MAX_PORT = 65_535;
/** Nobody but this machine's own programs. */
const DEFAULT_BIND = '127.0.0.1';

export interface TcptowsRun {
  readonly kind: 'run';
  readonly destination: ClientDestination;
  readonly identity: ClientIdentity;
  readonly bind: string;
  readonly port: number;
}

export type TcptowsCommand = TcptowsRun | PrintedText | Invalid;

/** Reads the arguments after the program's name, and the variables of `env`. Never throws. */
export function parseTcptowsCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): TcptowsCommand {
  const parsed = readArguments(args, ['bind', 'wait', ...IDENTITY_OPTIONS], HELP);
  if (parsed.kind !== 'arguments') return parsed;
  const { values, positionals } = parsed;
  const [portText, url, extra] = positionals;
  if (portText === undefined || url === undefined) {
    return invalid('PORT and URL are needed: tcptows [--bind 127.0.0.1] PORT URL; --help tells more');
  }
  if (extra !== undefined) return invalid(`${JSON.stringify(extra)} after the URL is too much`);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= MAX_PORT)) {
    return invalid(`${JSON.stringify(portText)} is not a port; expected 0 to ${MAX_PORT}`);
  }
  const destination = readDestination(url, values.get('wait'), env);
  if (destination.kind === 'invalid') return destination;
  const identity = readIdentity(values, env);
  return { kind: 'run', destination, identity, port, bind: values.get('bind') ?? DEFAULT_BIND };
}

/** What to type now that it listens. */
export function listeningLine({ address, port, family }: AddressInfo): string {
  const shown = family === 'IPv6' ? `[${address}]` : address;
  const host = address === '0.0.0.0' || address === '::' ? 'localhost' : address;
  return `listening on ${shown}:${port}; ssh -p ${port} USER@${host}`;
}

/** Why it does not listen, by the system's code. */
export function listenFaultLine(code: string, bind: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${bind} is in use; take another one, or 0 for any that is free`;
    case 'EACCES':
      return `port ${port} needs more rights than this user has; take one above 1023, or 0 for any that is free`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${JSON.stringify(bind)} is not an address of this machine; --bind takes one, like 127.0.0.1`;
    default:
      return `cannot listen on ${bind} port ${port}: ${code}`;
  }
}

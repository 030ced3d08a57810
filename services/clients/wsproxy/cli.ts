// The command line of wsproxy.
import { type Invalid, invalid, type PrintedText, readArguments } from '../command-line/arguments.ts';
import { type ClientDestination, readDestination } from '../command-line/destination.ts';
import { IDENTITY_HELP, IDENTITY_OPTIONS, readIdentity } from '../command-line/identity-options.ts';
import { VERSION } from '../command-line/version.ts';
import type { ExecRequest } from '../exec/exec-request.ts';
import type { ClientIdentity } from '../identity/client-prover.ts';
import { isToolName } from '../tools/tool-words.ts';
import { parseConfigCommand } from './config-command.ts';
import { parseExecCommand } from './exec-command.ts';
import { firstWord, OWN_OPTIONS, type OwnProgram, ownProgram } from './own-program.ts';
import { parseToolCommand, type ToolRun } from './tool-command.ts';

const HELP = `wsproxy ${VERSION}: a way for ssh into a CI job, through a Converge relay

usage: wsproxy ssh   [options] URL [options of ssh] [command]
       wsproxy sftp  [options] URL [options of sftp] [:PATH]
       wsproxy scp   [options] URL [options of scp] SOURCE… TARGET
       wsproxy rsync [options] URL [options of rsync] SOURCE… TARGET
       wsproxy exec  [options] URL [options of ssh] -- COMMAND [ARGUMENT…]
       wsproxy config [options] ws[s]://HOST >> ~/.ssh/config
       wsproxy [options] URL             (as the ProxyCommand of ssh)

URL is ws[s]://HOST/client/ID[#SHA256:FINGERPRINT], as the job log has it. With a fingerprint after # the
connection is cut unless the host has that key; the fragment is not sent to the relay. For scp and rsync
:PATH is a path in the job and PATH one here: wsproxy scp URL :build.log .
The tool is the one of this machine, its exit code that of wsproxy. config makes each job a host ID.job.
exec is for programs: it asks nobody, has no terminal, and hands on exactly these words and their exit
code; it takes the password from CONVERGE_PASSWORD, if the job has one.
Without one of these words wsproxy moves standard input and output.

  --wait TIME        how long to wait for the agent to appear: 30s (as it is), 5m, 1h, or 0
${IDENTITY_HELP}  --user NAME        ssh, sftp, scp, rsync, exec: whom to log in as; abc if not given
  --resume-window TIME
                     the same: what the agent was given, if it is more than 2m
  --print            ssh, sftp, scp, rsync: print the whole line, and run nothing
  --json             what happens to the connection, as JSON lines on standard error; exec: the answer as
                     one JSON object on standard output
  --timeout TIME     exec: end it after this time, with exit code 124
  --password-file FILE
                     exec: the password is in FILE
  --quote WAY        exec: for the shell of the job: sh (as it is), powershell, or none, as ssh does it
  --events FILE      without a word: JSON lines into FILE; nobody is asked to sign on
  --strip SUFFIX     take this off the end of the ID, as config needs it
  --version          print the version
  --help             print this

environment: CONVERGE_PASSWORD (exec); CONVERGE_TOKEN, SSH_AUTH_SOCK, XDG_STATE_HOME (where a sign-on is kept);
             HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; NODE_EXTRA_CA_CERTS, SSL_CERT_FILE;
             CONVERGE_MASK=random for a middlebox that insists on masks that differ
exit codes:  0 the session ended, 2 bad arguments, 3 relay not reachable, 4 no such agent or refused,
             6 the host key does not match; of a tool its own, and 127 if it is not there; of exec that of
             the command, 124 at the time limit, 255 if ssh failed: standard error says why
`;

const STDERR = { kind: 'stderr' } as const;

export interface WsproxyRun {
  readonly kind: 'run';
  readonly destination: ClientDestination;
  readonly identity: ClientIdentity;
  /** Where a program reads what happens; undefined: a person reads it. */
  readonly events: { readonly kind: 'stderr' } | { readonly kind: 'file'; readonly file: string } | undefined;
}

export type WsproxyCommand = WsproxyRun | ToolRun | ExecRequest | PrintedText | Invalid;

/** Reads the arguments after the program's name, and the variables of `env`. Never throws. */
export function parseWsproxyCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  self: OwnProgram = ownProgram(),
): WsproxyCommand {
  const at = firstWord(args, OWN_OPTIONS);
  const word = args[at];
  const others = args.toSpliced(at, 1);
  // A URL has a colon: no host is called so.
  if (isToolName(word)) return parseToolCommand(word, { args: others, from: at, env, self, help: HELP });
  if (word === 'exec') return parseExecCommand({ args: others, from: at, env, self, help: HELP });
  if (word === 'config') return parseConfigCommand(others, { env, self, help: HELP });
  const parsed = readArguments(args, ['wait', 'strip', 'events', ...IDENTITY_OPTIONS], HELP, ['json']);
  if (parsed.kind !== 'arguments') return parsed;
  const { values, positionals } = parsed;
  const [url, extra] = positionals;
  if (url === undefined) return invalid('the URL is missing: wsproxy [--wait 30s] URL; --help tells more');
  if (extra !== undefined) return invalid(`one URL is enough, ${JSON.stringify(extra)} is too much`);
  const destination = readDestination(stripped(url, values.get('strip')), values.get('wait'), env);
  if (destination.kind === 'invalid') return destination;
  const file = values.get('events');
  const identity = readIdentity(values, env);
  if (file !== undefined)
    return {
      kind: 'run',
      destination,
      identity: { ...identity, isUnattended: true },
      events: { kind: 'file', file },
    };
  const events = values.has('json') ? STDERR : undefined;
  return { kind: 'run', destination, identity, events };
}

function stripped(url: string, suffix: string | undefined): string {
  return suffix !== undefined && url.endsWith(suffix) ? url.slice(0, -suffix.length) : url;
}

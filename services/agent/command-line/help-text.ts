// What `agent --help` prints.
import { wrapWords } from '#shared/text/wrap.ts';
import { holdWordsOf } from '../expiry/hold-words.ts';
import { AGENT_EXIT_CODES, EXIT_CODE_MEANINGS } from './exit-code.ts';
import { LINGER_VARIABLE, NAME_VARIABLE } from './job-words.ts';
import { OPTIONS, type OptionEntry, URL_VARIABLE } from './option-table.ts';

const HELP_WIDTH = 80;
const NAME_COLUMN = 31;
const VARIABLE_COLUMN = 36;

const COMMAND_LINES = [
  'run     runs COMMAND, and only if that fails opens the job, in the directory',
  '        and environment of COMMAND. Its exit code is that of COMMAND, unless',
  '        somebody in a session says `converge continue` (0) or `converge fail`.',
  'start   leaves an agent in the background and returns when the card is printed.',
  '        It stays when clients leave, until the job says that it is done:',
  'wait    holds the job while somebody is in, or .hold is there, and else ends the',
  '        agent, at once or when nobody has come after --linger. Prints what the',
  '        agent has said since. Exit code 0, or the CODE of `converge fail CODE`.',
  'stop    ends it now.',
  'status  who is in, until when. Exit code 1 if there is none.',
  'Without --name these mean the agent of this CI job, from any directory.',
] as const;

/** Variables that are no options: secrets, which do not belong into arguments, and what the machine says. */
const OTHER_VARIABLES = [
  ['CONVERGE_TOKEN', 'a token for a relay that asks who this is'],
  ['CONVERGE_ID_TOKEN', 'identity token of GitLab (`id_tokens:`)'],
  ['CONVERGE_GITHUB_TOKEN', 'with read:org, for --allow github:ORG/TEAM'],
  ['SSH_AUTH_SOCK', 'the ssh-agent of --identity key'],
] as const;

/** The complete help, 80 columns wide, ending in a line end. */
export function helpText(system: NodeJS.Platform = process.platform): string {
  const { hold, release } = holdWordsOf(system);
  return [
    'usage: agent [options] ws[s]://HOST[:PORT][/PREFIX]/agent[/ID]',
    '       agent run [options] [URL] -- COMMAND…',
    '       agent start [--name NAME] [options] [URL]',
    '       agent wait [--linger DURATION] [--name NAME]',
    '       agent stop [--name NAME]',
    '       agent status [--json] [--name NAME]',
    '',
    'Makes the job that it runs in reachable by SSH through a Converge relay, prints',
    'the commands to connect, and ends when the last client has left. Without an ID',
    'it makes one that cannot be guessed; a relay with a policy may want another.',
    '',
    ...COMMAND_LINES,
    '',
    'options:',
    ...Object.values(OPTIONS).flatMap(optionLines),
    `${'  -h, --help'.padEnd(NAME_COLUMN)}this text`,
    `${'  -V, --version'.padEnd(NAME_COLUMN)}the version`,
    '',
    'A DURATION is written like 90s, 10m, 2h or 1h30m; a plain number is seconds.',
    '',
    'variables (an argument wins; an empty variable counts as unset, except for the',
    'password and the keys, where it is an error):',
    `  ${URL_VARIABLE.padEnd(VARIABLE_COLUMN - 2)}the URL`,
    ...Object.values(OPTIONS).map(
      ({ variable, name, placeholder }: OptionEntry) =>
        `  ${variable.padEnd(VARIABLE_COLUMN - 2)}--${name}${placeholder === undefined ? ' (1 or 0)' : ''}`,
    ),
    `  ${NAME_VARIABLE.padEnd(VARIABLE_COLUMN - 2)}--name`,
    `  ${LINGER_VARIABLE.padEnd(VARIABLE_COLUMN - 2)}--linger`,
    ...OTHER_VARIABLES.map(([name, meaning]) => `  ${name.padEnd(VARIABLE_COLUMN - 2)}${meaning}`),
    '  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and',
    '  SSL_CERT_FILE are honoured.',
    '  CONVERGE_MASK=random is for a middlebox that insists on masks that differ.',
    '',
    'when it ends:',
    '  The deadline is the timeout after the start, the last activity of a client or',
    '  the time of the hold file, whichever is last, and never after the longest',
    '  lifetime. The agent ends there, or before when the last client leaves.',
    '  The hold file is .hold in the working directory: while it is there the agent',
    `  stays until the deadline when the last client leaves. \`${hold}\` holds and`,
    `  extends, \`${release}\` lets go. In a session: \`converge help\`.`,
    '  A client that is lost (a closed lid, no network) has not left, and neither has',
    '  one for which nothing ran: the agent waits for somebody until the deadline.',
    system === 'win32'
      ? '  Ctrl-C and Ctrl-Break end it.'
      : '  SIGTERM and SIGINT end it; SIGHUP only where it runs on a terminal.',
    '',
    'exit codes (and CODE after `converge fail CODE` in a session):',
    ...(Object.keys(AGENT_EXIT_CODES) as (keyof typeof AGENT_EXIT_CODES)[])
      .map((code) => `  ${AGENT_EXIT_CODES[code]}  ${EXIT_CODE_MEANINGS[code]}`)
      // Node's own, where nothing caught it.
      .toSpliced(1, 0, '  1  a fault of its own'),
    '',
  ].join('\n');
}

function optionLines({ name, placeholder, fallback, help }: OptionEntry): string[] {
  const head = `  --${name}${placeholder === undefined ? '' : ` ${placeholder}`}`;
  const text = fallback === undefined ? help : `${help} (default: ${fallback})`;
  return wrapWords(text, HELP_WIDTH - NAME_COLUMN).map(
    (line, index) => `${(index === 0 ? head : '').padEnd(NAME_COLUMN)}${line}`,
  );
}

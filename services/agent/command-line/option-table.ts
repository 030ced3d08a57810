// The options of the agent: names, variables, defaults, help and values in one table.
import { DEFAULT_USER } from '#shared/commands/printed-commands.ts';
import { absolutePathOf, duration, isOff, isOn, userName, type ValueReader } from './option-values.ts';

/** One option, by the name that its value has in AgentOptions; `placeholder` is what its value is called, undefined for a switch. */
export interface OptionEntry {
  readonly name: string;
  readonly variable: string;
  readonly placeholder: string | undefined;
  readonly isRepeatable: boolean;
  /** Shown in the help and used if neither argument nor variable is there. */
  readonly fallback: string | undefined;
  readonly help: string;
  /** Undefined for those that say together how people enter; cli.ts reads them. */
  readonly read: ValueReader<unknown> | undefined;
}

/** Every option, in the order of the help. */
export const OPTIONS = {
  timeoutMs: {
    name: 'timeout',
    variable: 'CONVERGE_TIMEOUT',
    placeholder: 'DURATION',
    isRepeatable: false,
    fallback: '10m',
    help: 'end this long after the start or the last activity of a client',
    read: duration(),
  },
  maxLifetimeMs: {
    name: 'max-lifetime',
    variable: 'CONVERGE_MAX_LIFETIME',
    placeholder: 'DURATION',
    isRepeatable: false,
    fallback: '6h',
    help: 'end this long after the start, whatever happens',
    read: duration(),
  },
  authorizedKeys: {
    name: 'authorized-keys',
    variable: 'CONVERGE_AUTHORIZED_KEYS',
    placeholder: 'FILE|URL',
    isRepeatable: true,
    fallback: undefined,
    help: 'only these keys may enter, and no password; for example https://github.com/NAME.keys; repeat for more (in the variable: separated by commas or line ends)',
    read: undefined,
  },
  allowInsecureKeysUrl: {
    name: 'allow-insecure-keys-url',
    variable: 'CONVERGE_ALLOW_INSECURE_KEYS_URL',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: 'take keys from an http:// URL too: whoever is on the way can add a key of theirs and get in',
    read: undefined,
  },
  password: {
    name: 'password',
    variable: 'CONVERGE_PASSWORD',
    placeholder: 'PASSWORD',
    isRepeatable: false,
    fallback: undefined,
    help: '12 characters or more; without it the agent makes one and prints it; prefer the variable: other users of the machine see arguments in ps',
    read: undefined,
  },
  user: {
    name: 'user',
    variable: 'CONVERGE_USER',
    placeholder: 'NAME',
    isRepeatable: false,
    fallback: DEFAULT_USER,
    help: 'the name to log in with; shells run as the user of the agent',
    read: userName,
  },
  shell: {
    name: 'shell',
    variable: 'CONVERGE_SHELL',
    placeholder: 'PATH',
    isRepeatable: false,
    fallback: undefined,
    help: "shell of the sessions (default: the user's, else bash, else sh)",
    read: absolutePathOf,
  },
  resumeWindowMs: {
    name: 'resume-window',
    variable: 'CONVERGE_RESUME_WINDOW',
    placeholder: 'DURATION',
    isRepeatable: false,
    fallback: '2m',
    help: 'how long a session waits for its client to come back; 0 for not',
    read: duration(0),
  },
  allowsForwarding: {
    name: 'no-forwarding',
    variable: 'CONVERGE_NO_FORWARDING',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: 'refuse port, socket and agent forwarding',
    read: isOff,
  },
  auditsPaths: {
    name: 'audit-paths',
    variable: 'CONVERGE_AUDIT_PATHS',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: 'where the relay keeps a record: tell it the paths that SFTP and sockets are asked for, too',
    read: isOn,
  },
  isQuiet: {
    name: 'quiet',
    variable: 'CONVERGE_QUIET',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: 'print the ssh command and the password only, then what happens',
    read: isOn,
  },
} as const satisfies Record<string, OptionEntry>;

export type OptionKey = keyof typeof OPTIONS;

/** An option that is read individually. */
export type SettingKey = {
  [Key in OptionKey]: (typeof OPTIONS)[Key]['read'] extends undefined ? never : Key;
}[OptionKey];

/** The values of those. */
export type Settings = {
  readonly [Key in SettingKey]: (typeof OPTIONS)[Key]['read'] extends ValueReader<infer Value>
    ? Value
    : never;
};

/** The variable in the place of the URL argument. */
export const URL_VARIABLE = 'CONVERGE_URL';

// The options of the agent: names, variables, defaults, help and values in one table.
import { DEFAULT_USER } from '#shared/commands/printed-commands.ts';
import { DEFAULT_RESUME_WINDOW } from '#shared/commands/ssh-options.ts';
import {
  activityKind,
  duration,
  identitySource,
  isOff,
  isOn,
  optionalText,
  shellOption,
  userName,
  type ValueReader,
} from './option-values.ts';

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
  activity: {
    name: 'activity',
    variable: 'CONVERGE_ACTIVITY',
    placeholder: 'KIND',
    isRepeatable: false,
    fallback: 'keys',
    help: 'what moves the deadline in a shell: keys, or output too, of a command that runs in the foreground',
    read: activityKind,
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
  allow: {
    name: 'allow',
    variable: 'CONVERGE_ALLOW',
    placeholder: 'ACCOUNT',
    isRepeatable: true,
    fallback: undefined,
    help: 'only the keys of this account may enter: github:USER, github:ORG/TEAM, gitlab:USER or https://HOST/LIST; fetched by the agent, and once more when an unknown key comes; repeat for more',
    read: undefined,
  },
  trustedUserCa: {
    name: 'trusted-user-ca',
    variable: 'CONVERGE_TRUSTED_USER_CA',
    placeholder: 'FILE|URL',
    isRepeatable: true,
    fallback: undefined,
    help: 'SSH certificates by the authorities whose public keys are there may enter; repeat for more',
    read: undefined,
  },
  principals: {
    name: 'principals',
    variable: 'CONVERGE_PRINCIPALS',
    placeholder: 'LIST',
    isRepeatable: true,
    fallback: undefined,
    help: 'whom a certificate must name, separated by commas: one of them is enough, * is anybody (default: the name to log in with, as for sshd)',
    read: undefined,
  },
  revokedKeys: {
    name: 'revoked-keys',
    variable: 'CONVERGE_REVOKED_KEYS',
    placeholder: 'FILE|URL',
    isRepeatable: false,
    fallback: undefined,
    help: 'keys and certificates that may not enter: a KRL of ssh-keygen -k, or public keys, one a line',
    read: undefined,
  },
  access: {
    name: 'access',
    variable: 'CONVERGE_ACCESS',
    placeholder: 'policy',
    isRepeatable: false,
    fallback: undefined,
    help: 'the relay may say who else may enter, by its policy; that relay is then trusted with who gets a shell',
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
  hasLink: {
    name: 'link',
    variable: 'CONVERGE_LINK',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: 'put a secret into the link for browsers that lets in once, in place of the password, within 10 minutes; not where others can read the log: whoever follows it first is in',
    read: isOn,
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
  identity: {
    name: 'identity',
    variable: 'CONVERGE_IDENTITY',
    placeholder: 'SOURCE',
    isRepeatable: false,
    fallback: undefined,
    help: 'what to show a relay that asks who this is: github, gitlab, circleci or buildkite (an identity token of this job), token (CONVERGE_TOKEN), key (an SSH key), none (default: what the environment has)',
    read: identitySource,
  },
  identityKey: {
    name: 'identity-key',
    variable: 'CONVERGE_IDENTITY_KEY',
    placeholder: 'FILE',
    isRepeatable: false,
    fallback: undefined,
    help: 'prove this agent by the private SSH key in a file; --identity key without it takes the ssh-agent',
    read: optionalText,
  },
  shell: {
    name: 'shell',
    variable: 'CONVERGE_SHELL',
    placeholder: 'PATH',
    isRepeatable: false,
    fallback: undefined,
    ...shellOption(process.platform),
  },
  resumeWindowMs: {
    name: 'resume-window',
    variable: 'CONVERGE_RESUME_WINDOW',
    placeholder: 'DURATION',
    isRepeatable: false,
    fallback: DEFAULT_RESUME_WINDOW,
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
  notify: {
    name: 'notify',
    variable: 'CONVERGE_NOTIFY',
    placeholder: '[PRESET:]URL',
    isRepeatable: true,
    fallback: undefined,
    help: 'tell this webhook when the job is open, when somebody comes, 5 minutes before the end and at the end: JSON, or a message for slack:URL, mattermost:URL, teams:URL or discord:URL; prefer the variable: such a URL is a secret; repeat for more (in the variable: separated by commas or line ends)',
    read: undefined,
  },
  allowInsecureNotify: {
    name: 'allow-insecure-notify',
    variable: 'CONVERGE_ALLOW_INSECURE_NOTIFY',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: 'notify an http:// URL of another machine too: whoever is on the way learns where the job is open, and can post there',
    read: undefined,
  },
  outputFile: {
    name: 'output',
    variable: 'CONVERGE_OUTPUT',
    placeholder: 'FILE',
    isRepeatable: false,
    fallback: undefined,
    help: 'append id, url, link, ssh, sftp and fingerprint to a file, in the form of $GITHUB_OUTPUT; no password',
    read: optionalText,
  },
  hasSummary: {
    name: 'no-summary',
    variable: 'CONVERGE_NO_SUMMARY',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: "leave the ssh command and the link out of the job's summary (GitHub and its like, Azure)",
    read: isOff,
  },
  isJson: {
    name: 'json',
    variable: 'CONVERGE_JSON',
    placeholder: undefined,
    isRepeatable: false,
    fallback: undefined,
    help: 'print the card and what happens as JSON, one object a line; the password is in it where the card has it',
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

// The rooms of the agent: what lies where under services/agent/, and who may import whom.
import type { Room } from './room.ts';

export const AGENT_ROOMS: readonly Room[] = [
  {
    path: 'services/agent',
    purpose: 'the process, and the agent put together',
    imports: [
      'services/agent/access',
      'services/agent/audit',
      'services/agent/background',
      'services/agent/command-line',
      'services/agent/converge-command',
      'services/agent/crowd',
      'services/agent/expiry',
      'services/agent/identity',
      'services/agent/job',
      'services/agent/job-command',
      'services/agent/life',
      'services/agent/notices',
      'services/agent/platform',
      'services/agent/platform/macos',
      'services/agent/platform/posix',
      'services/agent/platform/windows',
      'services/agent/process',
      'services/agent/relay',
      'services/agent/ssh',
      'services/agent/ssh/keys',
      'services/agent/tell',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/life',
    purpose:
      'from the first welcome to the end: what the parts tell one another, and in which order all is ended',
    imports: [
      'services/agent/access',
      'services/agent/audit',
      'services/agent/command-line',
      'services/agent/converge-command',
      'services/agent/crowd',
      'services/agent/expiry',
      'services/agent/notices',
      'services/agent/relay',
      'services/agent/ssh',
      'services/agent/tell',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/tell',
    purpose:
      'what happens, for machines and for people elsewhere: JSON lines, outputs, the summary of a run, webhooks',
    imports: [
      'services/agent/expiry',
      'services/agent/job',
      'services/agent/notices',
      'services/agent/tell/chat',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/tell/chat',
    purpose:
      'a message in the form of each chat, in which nothing from outside is a mention, a link or a style',
    imports: ['services/shared/text'],
  },
  {
    path: 'services/agent/ssh/channel',
    purpose: 'what leaves on a channel: paced, in order, and closed after its last byte',
    imports: ['services/agent/platform', 'services/agent/ssh/ssh2'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/command-line',
    purpose: 'arguments and variables of the agent, its help and its exit codes',
    imports: [
      'services/agent/access',
      'services/agent/background',
      'services/agent/converge-command',
      'services/agent/expiry',
      'services/agent/identity',
      'services/agent/tell',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/identity',
    purpose: 'what the agent proves itself by: tokens of CI systems, tokens of the operator, SSH keys',
    imports: ['services/agent/platform', 'services/shared/*'],
  },
  {
    path: 'services/agent/relay',
    purpose: 'the way to a relay: the link that is kept, the streams it asks for, and what a refusal means',
    imports: ['services/agent/audit', 'services/agent/crowd', 'services/shared/*'],
  },
  {
    path: 'services/agent/audit',
    purpose:
      'what the agent alone knows of its clients, for the record of a relay: signed, in a chain, sent until it is taken',
    imports: ['services/agent/ssh', 'services/shared/*'],
  },
  {
    path: 'services/agent/access',
    purpose:
      'who may enter: keys, accounts, certificates and passwords, where they come from, and how often one may try',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/crowd',
    purpose: 'those who have come and proved nothing yet, and which of them has to go',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/job',
    purpose: 'the CI job around the agent: which system, which environment',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/job-command',
    purpose: 'the command of `agent run`: started, told the signals of the job, and its exit code',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/background',
    purpose:
      "the agent in the background of a job: its name and state, how it is started, and how the job's steps wait for it",
    imports: [
      'services/agent/converge-command',
      'services/agent/expiry',
      'services/agent/job',
      'services/agent/platform',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/notices',
    purpose: 'what people read: the job log, the card, the greeting, the warnings',
    imports: ['services/agent/access', 'services/agent/expiry', 'services/agent/job', 'services/shared/*'],
  },
  {
    path: 'services/agent/expiry',
    purpose: 'when the agent ends: the state machine, the hold file, the clock that drives them',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/converge-command',
    purpose: 'the `converge` command of a session, both ends of its socket',
    imports: [
      'services/agent/access',
      'services/agent/expiry',
      'services/agent/notices',
      'services/agent/platform',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/ssh',
    purpose:
      'the SSH server: connections, logins, session channels; it does not know where a stream comes from',
    imports: [
      'services/agent/access',
      'services/agent/crowd',
      'services/agent/platform',
      'services/agent/ssh/channel',
      'services/agent/ssh/forward',
      'services/agent/ssh/keys',
      'services/agent/ssh/program',
      'services/agent/ssh/ssh2',
      'services/shared/*',
    ],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/ssh/forward',
    purpose: 'forwarding: local, remote, and of the ssh-agent',
    imports: [
      'services/agent/platform',
      'services/agent/ssh/channel',
      'services/agent/ssh/ssh2',
      'services/shared/*',
    ],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/ssh/program',
    purpose: 'what runs on a session channel: shells, commands, SFTP; on a terminal or on pipes',
    imports: [
      'services/agent/platform',
      'services/agent/sftp',
      'services/agent/ssh/channel',
      'services/shared/*',
    ],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/ssh/keys',
    purpose: "keys: this host's own, and the signature of a login in ssh2's form",
    imports: ['services/shared/ssh'],
  },
  {
    path: 'services/agent/ssh/ssh2',
    purpose: 'everything that touches the inside of ssh2, to mend or to reach what it has no method for',
    imports: ['services/agent/platform', 'services/shared/*'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/sftp',
    hasFolders: true,
    purpose: 'SFTP version 3 on the file system of the job; needs a duplex and nothing else',
    imports: ['services/agent/platform', 'services/shared/*'],
  },
  {
    path: 'services/agent/process',
    purpose: 'starting and reaping programs',
    imports: ['services/agent/platform', 'services/shared/*'],
  },
  {
    path: 'services/agent/pty',
    purpose: 'programs on a terminal of their own',
    imports: ['services/agent/platform', 'services/agent/process', 'services/shared/*'],
  },
  {
    path: 'services/agent/platform',
    purpose: 'what differs between the systems that a job may run on: an interface for each thing',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/platform/posix',
    purpose: 'those things on Linux and macOS',
    imports: ['services/agent/platform', 'services/agent/process', 'services/agent/pty', 'services/shared/*'],
  },
  {
    path: 'services/agent/platform/windows',
    purpose: 'those things on Windows',
    imports: ['services/agent/platform', 'services/shared/*'],
  },
  {
    path: 'services/agent/platform/macos',
    purpose: 'how programs are started on macOS, for which we have no addon of our own',
    imports: [
      'services/agent/platform',
      'services/agent/platform/posix',
      'services/agent/process',
      'services/agent/pty',
      'services/shared/*',
    ],
  },
];

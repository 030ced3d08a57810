// The rooms of the client programs: what lies where under services/clients/, and who may import whom.
import type { Room } from './room.ts';

export const CLIENT_ROOMS: readonly Room[] = [
  {
    path: 'services/clients/command-line',
    purpose: 'what wsproxy and tcptows do alike as programs: arguments, lines for a person, exit codes',
    imports: [
      'services/clients/connection',
      'services/clients/identity',
      'services/clients/sign-on',
      'services/shared/*',
    ],
  },
  {
    path: 'services/clients/connection',
    purpose: 'the client URL, and the stream to the agent that it names, which resumes',
    imports: ['services/clients/host-key', 'services/clients/identity', 'services/shared/*'],
  },
  {
    path: 'services/clients/identity',
    purpose: 'the introduction: how a client program tells a relay who it is, once for all connections',
    imports: ['services/clients/sign-on', 'services/shared/*'],
  },
  {
    path: 'services/clients/host-key',
    purpose:
      'the pin: an SSH server is checked against the fingerprint in the URL before a byte of it is believed',
    imports: ['services/shared/ssh', 'services/shared/stream'],
  },
  {
    path: 'services/clients/sign-on',
    purpose: 'single sign-on of a person at a relay: the device flow, and what is kept of it for later',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/clients/tools',
    purpose: 'ssh, sftp, scp and rsync of this machine, run so that they reach a job',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/clients/exec',
    purpose:
      'one command in a job for a program: no question, its exit code, a time limit, an answer as JSON',
    imports: ['services/clients/command-line', 'services/clients/tools', 'services/shared/*'],
  },
  {
    path: 'services/clients/wsproxy',
    purpose: 'wsproxy: standard input and output to an agent, and the tools that use it',
    imports: [
      'services/clients/command-line',
      'services/clients/connection',
      'services/clients/exec',
      'services/clients/identity',
      'services/clients/tools',
      'services/shared/*',
    ],
  },
  {
    path: 'services/clients/script',
    purpose: 'wsproxy.mjs: wsproxy for every Node from 20 on',
    imports: ['services/clients/command-line', 'services/clients/wsproxy'],
  },
  {
    path: 'services/clients/tcptows',
    purpose: 'tcptows: a local port to an agent',
    imports: [
      'services/clients/command-line',
      'services/clients/connection',
      'services/clients/identity',
      'services/shared/*',
    ],
  },
  {
    path: 'services/clients/browser/ssh/wire',
    purpose: 'SSH in a page: reading and writing messages, their numbers, and what can go wrong',
    imports: ['services/shared/stream', 'services/shared/text'],
  },
  {
    path: 'services/clients/browser/ssh/exchange',
    purpose: 'its key exchange: what is offered, shares and secrets, the host key and its proof',
    imports: ['services/clients/browser/ssh/wire'],
    libraries: {
      '@noble/curves': 'library-primitives.ts',
      '@noble/post-quantum': 'library-primitives.ts',
      '@noble/hashes': '*',
    },
  },
  {
    path: 'services/clients/browser/ssh/transport',
    purpose: 'its packets: cut, sealed and opened in order, with keys that change',
    imports: [
      'services/clients/browser/ssh/exchange',
      'services/clients/browser/ssh/wire',
      'services/shared/stream',
      'services/shared/text',
      'services/shared/time',
    ],
  },
  {
    path: 'services/clients/browser/ssh/sign-in',
    purpose: 'its authentication: password, keyboard-interactive, keys that somebody else holds',
    imports: [
      'services/clients/browser/ssh/transport',
      'services/clients/browser/ssh/wire',
      'services/shared/text',
    ],
  },
  {
    path: 'services/clients/browser/ssh/channels',
    purpose: 'its channels: terminals, commands, subsystems and ports, at the pace of both ends',
    imports: [
      'services/clients/browser/ssh/transport',
      'services/clients/browser/ssh/wire',
      'services/shared/text',
    ],
  },
  {
    path: 'services/clients/browser/sftp',
    purpose: 'SFTP version 3 as a client: folders, and files read and written with many requests at once',
    imports: [
      'services/clients/browser/job',
      'services/clients/browser/ssh/channels',
      'services/clients/browser/ssh/wire',
      'services/shared/stream',
      'services/shared/text',
    ],
  },
  {
    path: 'services/clients/browser/connection',
    purpose: 'from a WebSocket of the page to the agent: dialled again and resumed',
    imports: [
      'services/shared/protocol',
      'services/shared/resume',
      'services/shared/stream',
      'services/shared/text',
      'services/shared/time',
    ],
  },
  {
    path: 'services/clients/browser/job',
    purpose:
      'the seam between page and protocol: what a page asks of a job, and what it is told; no DOM, no Node',
    imports: [
      'services/clients/browser/ssh/channels',
      'services/clients/browser/ssh/sign-in',
      'services/clients/browser/ssh/wire',
      'services/shared/text',
    ],
  },
  {
    path: 'services/clients/browser/opening',
    purpose: 'a job opened, and kept: all of the above put together behind the seam',
    imports: [
      'services/clients/browser/connection',
      'services/clients/browser/job',
      'services/clients/browser/sftp',
      'services/clients/browser/ssh/channels',
      'services/clients/browser/ssh/exchange',
      'services/clients/browser/ssh/sign-in',
      'services/clients/browser/ssh/transport',
      'services/clients/browser/ssh/wire',
      'services/shared/protocol',
      'services/shared/stream',
      'services/shared/time',
    ],
  },
  {
    path: 'services/clients/browser/page',
    purpose: 'the page: from a link to a job, and the job on the screen',
    imports: [
      'services/clients/browser/connection',
      'services/clients/browser/job',
      'services/clients/browser/opening',
      'services/clients/browser/page/dom',
      'services/clients/browser/page/entry',
      'services/clients/browser/page/files',
      'services/clients/browser/page/terminal',
      'services/clients/browser/ssh/sign-in',
      'services/shared/commands',
    ],
  },
  {
    path: 'services/clients/browser/page/dom',
    purpose:
      'elements, questions and preferences: what all parts of the page are made of; text, never markup',
    imports: [],
  },
  {
    path: 'services/clients/browser/page/entry',
    purpose: 'before a job is open: where the link leads, who one is, and what is asked',
    imports: [
      'services/clients/browser/connection',
      'services/clients/browser/page/dom',
      'services/clients/browser/ssh/sign-in',
      'services/clients/browser/ssh/wire',
      'services/shared/commands',
      'services/shared/protocol',
    ],
  },
  {
    path: 'services/clients/browser/page/terminal',
    purpose: 'terminals in tabs: what the job prints, what is typed, and what the job may not do',
    imports: [
      'services/clients/browser/job',
      'services/clients/browser/page/dom',
      'services/clients/browser/ssh/channels',
    ],
    libraries: {
      '@xterm/xterm': '*',
      '@xterm/addon-clipboard': '*',
      '@xterm/addon-fit': '*',
      '@xterm/addon-search': '*',
      '@xterm/addon-unicode-graphemes': '*',
      '@xterm/addon-web-links': '*',
    },
  },
  {
    path: 'services/clients/browser/page/files',
    purpose: 'files of the job: folders, transfers, previews and the editor',
    imports: ['services/clients/browser/job', 'services/clients/browser/page/dom', 'services/shared/stream'],
  },
];

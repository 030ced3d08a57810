// The rooms of the programs: what lies where under services/, and who may import whom.
import type { Room } from './room.ts';

/** What both ends of a wire must agree on, and what several programs need of time, text and the machine. */
const SHARED: readonly Room[] = [
  {
    path: 'services/shared/protocol',
    purpose:
      'what travels between the programs: paths, headers, messages, refusals, close codes; the only parser of each',
    imports: ['services/shared/text'],
  },
  {
    path: 'services/shared/stream',
    purpose: 'byte streams, whatever carries them: the interface, Node streams as one, and the join of two',
    imports: ['services/shared/protocol', 'services/shared/text', 'services/shared/time'],
  },
  {
    path: 'services/shared/websocket',
    purpose:
      'WebSocket: handshake, frames, the byte stream over it, control links, keepalive, dialling and accepting',
    imports: [
      'services/shared/machine',
      'services/shared/protocol',
      'services/shared/stream',
      'services/shared/text',
      'services/shared/time',
    ],
    libraries: { ws: '*', 'https-proxy-agent': '*' },
  },
  {
    path: 'services/shared/resume',
    purpose: 'the resumable stream: a byte stream between client and agent that outlives its transports',
    imports: [
      'services/shared/protocol',
      'services/shared/stream',
      'services/shared/text',
      'services/shared/time',
    ],
  },
  {
    path: 'services/shared/ssh',
    purpose: 'of SSH, what agent and clients both read: strings of the wire, and fingerprints',
    imports: [],
  },
  {
    path: 'services/shared/command-line',
    purpose: 'arguments split into options, and the commands that people are told to paste',
    imports: ['services/shared/protocol'],
  },
  {
    path: 'services/shared/text',
    purpose: 'text of strangers made harmless, and many events logged as one line',
    imports: ['services/shared/time'],
  },
  {
    path: 'services/shared/time',
    purpose: 'the clock, durations, pauses, backoff and token buckets',
    imports: [],
  },
  {
    path: 'services/shared/machine',
    purpose: 'what Node and the machine give every program (flags, addons, proxies, authorities)',
    imports: ['services/shared/text'],
  },
];

const RELAY: readonly Room[] = [
  {
    path: 'services/relay',
    purpose: 'the process, the configuration, and the relay put together',
    imports: [
      'services/relay/hop',
      'services/relay/http/door',
      'services/relay/http/download',
      'services/relay/http/listener',
      'services/relay/http/route',
      'services/relay/http/usage',
      'services/relay/kubernetes',
      'services/relay/limits',
      'services/relay/log',
      'services/relay/metrics',
      'services/relay/registry',
      'services/relay/registry/redis',
      'services/relay/session',
      'services/shared/command-line',
      'services/shared/machine',
      'services/shared/protocol',
      'services/shared/time',
    ],
    libraries: { zod: 'config.ts' },
  },
  {
    path: 'services/relay/session',
    purpose:
      'the core: agents on this pod, clients that wait, the router and the joined sessions; knows no HTTP and no Redis',
    imports: [
      'services/relay/registry',
      'services/shared/machine',
      'services/shared/protocol',
      'services/shared/resume',
      'services/shared/stream',
      'services/shared/time',
    ],
  },
  {
    path: 'services/relay/hop',
    purpose: 'what pods say to one another: tickets, dial orders, credentials, grants',
    imports: [
      'services/relay/registry',
      'services/relay/session',
      'services/shared/machine',
      'services/shared/protocol',
      'services/shared/text',
      'services/shared/time',
      'services/shared/websocket',
    ],
  },
  {
    path: 'services/relay/registry',
    purpose: 'which pod holds which agent: the contract, the rules of tenure, and the registry in memory',
    imports: ['services/shared/protocol', 'services/shared/time'],
  },
  {
    path: 'services/relay/registry/redis',
    purpose: 'the registry in Redis: keys, scripts, entries, connections',
    imports: ['services/relay/registry', 'services/shared/protocol', 'services/shared/time'],
    libraries: { ioredis: '*' },
  },
  {
    path: 'services/relay/kubernetes',
    purpose: 'what the cluster knows of our pods, and what is reported to it of this one',
    imports: ['services/shared/text', 'services/shared/time'],
    libraries: { '@kubernetes/client-node': 'kube.ts' },
  },
  {
    path: 'services/relay/limits',
    purpose: 'how much of the relay one address, and everybody together, may have',
    imports: ['services/relay/session', 'services/shared/protocol', 'services/shared/time'],
  },
  {
    path: 'services/relay/log',
    purpose: 'log lines on their way out, and many of a kind logged as one',
    imports: ['services/shared/text', 'services/shared/time'],
  },
  {
    path: 'services/relay/metrics',
    purpose: 'every metric, declared once',
    imports: [
      'services/relay/http/door',
      'services/relay/http/listener',
      'services/relay/http/route',
      'services/relay/kubernetes',
      'services/relay/limits',
      'services/relay/registry',
      'services/relay/session',
      'services/shared/protocol',
      'services/shared/websocket',
    ],
    libraries: { 'prom-client': '*' },
  },
  {
    path: 'services/relay/http/listener',
    purpose:
      'the two ports: TLS, upgrades, what balancers put before a connection, and anything that is not a request',
    imports: [
      'services/relay/limits',
      'services/relay/log',
      'services/relay/session',
      'services/shared/protocol',
      'services/shared/stream',
      'services/shared/text',
      'services/shared/time',
      'services/shared/websocket',
    ],
    libraries: { fastify: '*', ws: 'upgrade.ts' },
  },
  {
    path: 'services/relay/http/door',
    purpose:
      'what happens to a request before its route: who asks, whether it is let in, and the one place that answers, counts and logs a no',
    imports: [
      'services/relay/hop',
      'services/relay/http/listener',
      'services/relay/limits',
      'services/shared/protocol',
      'services/shared/time',
    ],
    libraries: { fastify: '*' },
  },
  {
    path: 'services/relay/http/route',
    purpose: 'one file per route: agent, client, dial, hop, health, metrics, sessions',
    imports: [
      'services/relay/hop',
      'services/relay/http/door',
      'services/relay/http/listener',
      'services/relay/kubernetes',
      'services/relay/limits',
      'services/relay/registry',
      'services/relay/session',
      'services/shared/protocol',
      'services/shared/text',
      'services/shared/time',
      'services/shared/websocket',
    ],
    libraries: { fastify: '*' },
  },
  {
    path: 'services/relay/http/download',
    purpose: 'the programs that this relay hands out',
    imports: ['services/relay/http/door', 'services/shared/protocol'],
    libraries: { fastify: '*' },
  },
  {
    path: 'services/relay/http/usage',
    purpose: 'the usage page, as HTML and as plain text',
    imports: [
      'services/relay/http/door',
      'services/relay/http/download',
      'services/shared/command-line',
      'services/shared/protocol',
      'services/shared/text',
    ],
    libraries: { fastify: '*' },
  },
];

const AGENT: readonly Room[] = [
  {
    path: 'services/agent',
    purpose: 'the process, and the agent put together',
    imports: [
      'services/agent/access',
      'services/agent/command-line',
      'services/agent/converge-command',
      'services/agent/crowd',
      'services/agent/expiry',
      'services/agent/job',
      'services/agent/life',
      'services/agent/notices',
      'services/agent/process',
      'services/agent/relay',
      'services/agent/ssh',
      'services/agent/ssh/keys',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/life',
    purpose:
      'from the first welcome to the end: what the parts tell one another, and in which order all is ended',
    imports: [
      'services/agent/access',
      'services/agent/command-line',
      'services/agent/converge-command',
      'services/agent/crowd',
      'services/agent/expiry',
      'services/agent/notices',
      'services/agent/relay',
      'services/agent/ssh',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/ssh/channel',
    purpose: 'what leaves on a channel: paced, in order, and closed after its last byte',
    imports: ['services/agent/process', 'services/agent/ssh/ssh2'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/command-line',
    purpose: 'arguments and variables of the agent, its help and its exit codes',
    imports: ['services/agent/access', 'services/agent/converge-command', 'services/shared/*'],
  },
  {
    path: 'services/agent/relay',
    purpose: 'the way to a relay: the link that is kept, the streams it asks for, and what a refusal means',
    imports: ['services/agent/crowd', 'services/shared/*'],
  },
  {
    path: 'services/agent/access',
    purpose: 'who may enter: keys and passwords, where they come from, and how fast one may guess',
    imports: ['services/agent/crowd', 'services/agent/ssh/keys', 'services/shared/*'],
    libraries: { 'https-proxy-agent': 'proxied-fetch.ts' },
  },
  {
    path: 'services/agent/crowd',
    purpose: 'those who have come and proved nothing yet, and which of them has to go',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/job',
    purpose: 'the CI job around the agent: which system, which environment, which shell',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/notices',
    purpose: 'what people read: the job log, the card, the greeting, the warnings',
    imports: [
      'services/agent/access',
      'services/agent/crowd',
      'services/agent/expiry',
      'services/agent/job',
      'services/shared/*',
    ],
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
      'services/agent/pty',
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
    imports: ['services/agent/ssh/channel', 'services/agent/ssh/ssh2', 'services/shared/*'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/ssh/program',
    purpose: 'what runs on a session channel: shells, commands, SFTP; on a terminal or on pipes',
    imports: [
      'services/agent/process',
      'services/agent/pty',
      'services/agent/sftp',
      'services/agent/ssh/channel',
      'services/shared/*',
    ],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/ssh/keys',
    purpose: "keys: this host's own, public keys, security keys",
    imports: ['services/shared/ssh'],
    libraries: { ssh2: 'public-key.ts' },
  },
  {
    path: 'services/agent/ssh/ssh2',
    purpose: 'everything that touches the inside of ssh2, to mend or to reach what it has no method for',
    imports: ['services/agent/pty', 'services/shared/*'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/sftp',
    purpose: 'SFTP version 3 on the file system of the job; needs a duplex and nothing else',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/process',
    purpose: 'starting and reaping programs',
    imports: ['services/shared/*'],
  },
  {
    path: 'services/agent/pty',
    purpose: 'programs on a terminal of their own',
    imports: ['services/agent/process', 'services/shared/*'],
  },
];

const CLIENTS: readonly Room[] = [
  {
    path: 'services/clients',
    purpose: 'what wsproxy and tcptows share: the command line, the client URL, and the stream to the agent',
    imports: ['services/clients/host-key', 'services/shared/*'],
  },
  {
    path: 'services/clients/host-key',
    purpose:
      'the pin: an SSH server is checked against the fingerprint in the URL before a byte of it is believed',
    imports: ['services/shared/ssh', 'services/shared/stream'],
  },
  {
    path: 'services/clients/wsproxy',
    purpose: 'wsproxy: standard input and output to an agent',
    imports: ['services/clients', 'services/shared/*'],
  },
  {
    path: 'services/clients/tcptows',
    purpose: 'tcptows: a local port to an agent',
    imports: ['services/clients', 'services/shared/*'],
  },
];

export const SERVICE_ROOMS: readonly Room[] = [...SHARED, ...RELAY, ...AGENT, ...CLIENTS];

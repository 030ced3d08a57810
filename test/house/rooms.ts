// The table of rooms: what lies where, and who may import whom. `docs/rooms.md` is made from it, `npm run lint` holds
// every file to it.
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
    path: 'services/shared/text',
    purpose: 'no agreement on a wire: text of strangers made harmless, and many events told as one line',
    imports: ['services/shared/time'],
  },
  {
    path: 'services/shared/time',
    purpose: 'no agreement on a wire: the clock, durations, pauses, backoff and token buckets',
    imports: [],
  },
  {
    path: 'services/shared/machine',
    purpose:
      'no agreement on a wire: what Node and the machine give every program (flags, addons, proxies, authorities)',
    imports: [],
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
      'services/shared/machine',
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
    purpose: 'what the cluster knows of our pods, and what it is told of this one',
    imports: ['services/shared/time'],
    libraries: { '@kubernetes/client-node': 'kube.ts' },
  },
  {
    path: 'services/relay/limits',
    purpose: 'how much of the relay one address, and everybody together, may have',
    imports: ['services/relay/session', 'services/shared/protocol', 'services/shared/time'],
  },
  {
    path: 'services/relay/log',
    purpose: 'log lines on their way out, and many of a kind told as one',
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
      'services/relay/registry/redis',
      'services/relay/session',
      'services/shared/protocol',
      'services/shared/websocket',
    ],
    libraries: { 'prom-client': '*' },
  },
  {
    path: 'services/relay/http/listener',
    purpose:
      'the two ports: TLS, upgrades, what balancers put before a connection, and what is no request at all',
    imports: [
      'services/relay/limits',
      'services/relay/log',
      'services/relay/session',
      'services/shared/protocol',
      'services/shared/stream',
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
      'services/shared/time',
      'services/shared/websocket',
    ],
    libraries: { fastify: '*' },
  },
  {
    path: 'services/relay/http/download',
    purpose: 'the programs that this relay hands out',
    imports: ['services/relay/http/door'],
    libraries: { fastify: '*' },
  },
  {
    path: 'services/relay/http/usage',
    purpose: 'the usage page, as HTML and as plain text',
    imports: ['services/relay/http/door', 'services/relay/http/download', 'services/shared/protocol'],
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
      'services/agent/expiry',
      'services/agent/job',
      'services/agent/notices',
      'services/agent/process',
      'services/agent/relay',
      'services/agent/ssh',
      'services/agent/ssh/keys',
      'services/shared/*',
    ],
  },
  {
    path: 'services/agent/command-line',
    purpose: 'arguments and variables of the agent, its help and its exit codes',
    imports: ['services/agent/converge-command', 'services/agent/job', 'services/shared/*'],
  },
  {
    path: 'services/agent/relay',
    purpose: 'the way to a relay: the link that is kept, the streams it asks for, and what a refusal means',
    imports: ['services/agent/crowd', 'services/agent/ssh', 'services/shared/*'],
  },
  {
    path: 'services/agent/access',
    purpose: 'who may enter: keys and passwords, where they come from, and how fast one may guess',
    imports: [
      'services/agent/command-line',
      'services/agent/crowd',
      'services/agent/job',
      'services/agent/notices',
      'services/agent/ssh/keys',
      'services/shared/*',
    ],
    libraries: { 'https-proxy-agent': 'proxied-fetch.ts' },
  },
  {
    path: 'services/agent/crowd',
    purpose: 'those who have come and proved nothing yet, and who of them has to go',
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
    imports: ['services/agent/crowd', 'services/agent/expiry', 'services/agent/job', 'services/shared/*'],
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
    imports: ['services/agent/ssh/ssh2', 'services/shared/*'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/ssh/program',
    purpose: 'what runs on a session channel: shells, commands, SFTP; on a terminal or on pipes',
    imports: ['services/agent/process', 'services/agent/pty', 'services/agent/sftp', 'services/shared/*'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'services/agent/ssh/keys',
    purpose: 'keys: the own one of this host, public ones, security keys',
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
    imports: [],
  },
  {
    path: 'services/agent/process',
    purpose: 'starting programs, and burying them',
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

const DEPLOY: readonly Room[] = [
  {
    path: 'deploy/build',
    purpose: 'the build: from sources to the relay, the binaries and their checksums',
    imports: ['services/shared/machine'],
    libraries: { esbuild: '*', yaml: 'render-manifests.ts' },
  },
  {
    path: 'deploy/build/pages',
    purpose: 'pages and tables that are made from the code, so that they cannot say anything else',
    imports: ['deploy/build', 'services/*'],
    libraries: { esbuild: 'notice.ts', yaml: '*' },
  },
  {
    path: 'deploy/dev',
    purpose: '`npm run dev`: a relay and an agent from their sources, started again when these change',
    imports: ['deploy/build'],
  },
  {
    path: 'deploy/session-check',
    purpose: 'the probe of the chart: opens a session through the relay as a person would',
    imports: [],
    libraries: { ssh2: '*' },
  },
];

/** Everything a test may use; what each supports is in its purpose. */
const TEST_LIBRARIES = { vitest: '*' } as const;

const TESTS: readonly Room[] = [
  {
    path: 'test/unit',
    purpose: 'one part alone, with clocks and streams of the test',
    imports: ['deploy/*', 'services/*', 'test/*'],
    libraries: { ...TEST_LIBRARIES, 'fast-check': '*', ssh2: '*', ws: '*', yaml: '*' },
  },
  {
    path: 'test/contract',
    purpose: 'the rules of a seam, asked of everything that stands in it',
    imports: ['services/*', 'test/support/*'],
    libraries: { ...TEST_LIBRARIES, 'fast-check': '*' },
  },
  {
    path: 'test/integration',
    purpose: 'one program with real sockets, files and processes',
    imports: ['deploy/*', 'services/*', 'test/support/*'],
    libraries: { ...TEST_LIBRARIES, fastify: '*', 'fast-check': '*', ssh2: '*', ws: '*', yaml: '*' },
  },
  {
    path: 'test/attack',
    purpose: 'strangers: each file says in its first line who comes and what he wants',
    imports: ['deploy/build', 'services/*', 'test/fuzz', 'test/support/*'],
    libraries: { ...TEST_LIBRARIES, 'fast-check': '*', 'playwright-core': '*', ssh2: '*', ws: '*' },
  },
  {
    path: 'test/mesh',
    purpose: 'many relay pods, a Redis, and what happens when some of them go',
    imports: ['services/*', 'test/support/*'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/e2e',
    purpose: 'the built programs with the real ssh, sftp and scp',
    imports: [
      'deploy/build',
      'services/relay/http/door',
      'services/relay/http/usage',
      'test/clients',
      'test/support/*',
    ],
    libraries: { ...TEST_LIBRARIES, fastify: '*', 'playwright-core': '*', ws: '*' },
  },
  {
    path: 'test/fuzz',
    purpose: 'broken input by the million, for every parser that a stranger reaches',
    imports: ['deploy/build', 'services/*', 'test/support/*'],
    libraries: { ws: '*' },
  },
  {
    path: 'test/clients',
    purpose: 'the matrix of SSH clients that others wrote, against the agent and OpenSSH beside it',
    imports: ['deploy/build', 'test/support/*'],
  },
  {
    path: 'test/bench',
    purpose: 'what is measured, beside the reference in one run',
    imports: ['deploy/build', 'services/*', 'test/support/*'],
    libraries: { ws: '*' },
  },
  {
    path: 'test/image',
    purpose: 'the image, built and run',
    imports: ['deploy/build', 'services/shared/machine', 'test/support/*'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/cluster',
    purpose: 'the chart in a real cluster',
    imports: ['deploy/build', 'test/support/*'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/check',
    purpose: '`npm test` itself: the stages and their order',
    imports: ['deploy/build', 'test/clients', 'test/support/*'],
  },
  {
    path: 'test/house',
    purpose: 'the rules about rooms, names and dialect, and the table of rooms',
    imports: ['deploy/build'],
    libraries: { 'oxc-parser': 'source-file.ts' },
  },
  {
    path: 'test/support/agent',
    purpose: 'parts of an agent for tests, and jobs with bad intent',
    imports: [
      'deploy/build',
      'services/*',
      'test/support/process',
      'test/support/relay',
      'test/support/ssh',
      'test/support/time',
    ],
    libraries: { ws: '*' },
  },
  {
    path: 'test/support/chaos',
    purpose: 'relays that are killed, and transfers and counters that must not notice',
    imports: ['deploy/build', 'test/support/*'],
    libraries: { ...TEST_LIBRARIES, ssh2: '*' },
  },
  {
    path: 'test/support/clients',
    purpose: 'wsproxy in this process, and the lines that a CI step runs',
    imports: ['services/*', 'test/support/process', 'test/support/time'],
  },
  {
    path: 'test/support/kubernetes',
    purpose: 'an API server of the test, the chart rendered, and what a manifest means',
    imports: ['deploy/build', 'services/*', 'test/support/time'],
    libraries: { ...TEST_LIBRARIES, '@kubernetes/client-node': '*', yaml: '*' },
  },
  {
    path: 'test/support/laptop',
    purpose: 'the two ends of a session as people have them: a job and a laptop',
    imports: ['deploy/build', 'test/support/process', 'test/support/ssh'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/support/machine',
    purpose: 'what of this machine a test needs: containers, roots, a browser, sockets',
    imports: ['deploy/build', 'test/support/time'],
    libraries: { 'playwright-core': '*' },
  },
  {
    path: 'test/support/mesh',
    purpose: 'relay pods beside one another',
    imports: ['deploy/build', 'services/*', 'test/support/*'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/support/network',
    purpose: 'what lies between two ends: proxies, balancers, black holes, authorities',
    imports: ['deploy/build', 'test/support/process', 'test/support/time'],
  },
  {
    path: 'test/support/page',
    purpose:
      'a client, an agent and a relay written from docs/protocol.md alone, which import nothing of services/',
    imports: [],
    libraries: { ws: '*' },
  },
  {
    path: 'test/support/process',
    purpose: 'programs started from sources or from the build, and what they say',
    imports: ['deploy/build'],
  },
  {
    path: 'test/support/redis',
    purpose: 'a Redis of the test: alone, as a cluster, of another age',
    imports: ['deploy/build', 'services/*', 'test/support/time'],
    libraries: { ioredis: '*', testcontainers: '*' },
  },
  {
    path: 'test/support/relay',
    purpose: 'a relay in this process, those who stand in for one, and those who talk to it',
    imports: [
      'services/*',
      'test/support/process',
      'test/support/redis',
      'test/support/stream',
      'test/support/time',
    ],
    libraries: { ws: '*', yaml: '*' },
  },
  { path: 'test/support/report', purpose: 'figures of test runs added up', imports: [] },
  {
    path: 'test/support/resume',
    purpose: 'a wire that loses transports, and a peer that speaks frames',
    imports: ['services/*'],
  },
  {
    path: 'test/support/sftp',
    purpose: 'an SFTP client that sends what it is told, and the reference beside ours',
    imports: ['deploy/build', 'services/*'],
  },
  {
    path: 'test/support/ssh',
    purpose: 'SSH servers and clients of the test, down to single packets',
    imports: ['deploy/build', 'services/*', 'test/support/network', 'test/support/process'],
    libraries: { ssh2: '*' },
  },
  {
    path: 'test/support/stream',
    purpose: 'byte streams of the test',
    imports: ['services/*'],
    libraries: { ws: '*' },
  },
  { path: 'test/support/text', purpose: 'text of strangers', imports: [] },
  {
    path: 'test/support/time',
    purpose: 'clocks of the test, and waiting for an event',
    imports: ['services/*'],
  },
];

export const ROOMS: readonly Room[] = [...SHARED, ...RELAY, ...AGENT, ...CLIENTS, ...DEPLOY, ...TESTS];

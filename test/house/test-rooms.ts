// The rooms around the programs: build, deployment and tests.
import type { Room } from './room.ts';

/** Build and deployment. */
export const DEPLOY_ROOMS: readonly Room[] = [
  {
    path: 'deploy/build',
    purpose: 'the build: from sources to the relay, the binaries and their checksums',
    imports: ['deploy/build/mach-o', 'deploy/build/pe', 'services/shared/machine'],
    libraries: { esbuild: '*', yaml: 'render-manifests.ts' },
  },
  {
    path: 'deploy/build/mach-o',
    purpose: 'programs for macOS as files: load commands, and the signature without which they do not start',
    imports: [],
  },
  {
    path: 'deploy/build/pe',
    purpose: 'programs for Windows as files: certificates that no longer fit, and the checksum',
    imports: [],
  },
  {
    path: 'deploy/build/pages',
    purpose: 'pages and tables that are made from the code, so that they cannot say anything else',
    imports: ['deploy/build', 'deploy/ci/github', 'services/*'],
    libraries: { esbuild: 'notice.ts', yaml: '*', zod: '*' },
  },
  {
    path: 'deploy/dev',
    purpose: '`npm run dev`: a relay and an agent from their sources, started again when these change',
    imports: ['deploy/build'],
  },
  {
    path: 'deploy/ci/github',
    purpose:
      "the action for GitHub: what runs before and after a job's steps, as sources that the runner's Node runs",
    imports: [],
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

export const TEST_ROOMS: readonly Room[] = [
  {
    path: 'test/unit',
    hasFolders: true,
    purpose: 'one part alone, with clocks and streams of the test',
    imports: ['deploy/*', 'services/*', 'test/*'],
    libraries: { ...TEST_LIBRARIES, 'fast-check': '*', ssh2: '*', ws: '*', yaml: '*', zod: '*' },
  },
  {
    path: 'test/contract',
    purpose: 'the rules of a seam, asked of everything that stands in it',
    imports: ['services/*', 'test/support/*'],
    libraries: { ...TEST_LIBRARIES, 'fast-check': '*' },
  },
  {
    path: 'test/integration',
    hasFolders: true,
    purpose: 'one program with real sockets, files and processes',
    imports: ['deploy/*', 'services/*', 'test/support/*'],
    libraries: {
      ...TEST_LIBRARIES,
      fastify: '*',
      'fast-check': '*',
      'playwright-core': '*',
      ssh2: '*',
      ws: '*',
      yaml: '*',
    },
  },
  {
    path: 'test/attack',
    purpose: 'strangers: each file says in its first line who comes and what they want',
    imports: ['deploy/build', 'services/*', 'test/support/*'],
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
      'services/agent/notices',
      'services/relay/http/door',
      'services/relay/http/usage',
      'test/clients',
      'test/support/*',
    ],
    libraries: { ...TEST_LIBRARIES, fastify: '*', 'playwright-core': '*', ws: '*' },
  },
  {
    path: 'test/pump',
    purpose: 'the native pump under the sanitizers of the compiler',
    imports: ['deploy/build'],
  },
  {
    path: 'test/fuzz',
    hasFolders: true,
    purpose: 'broken input by the million, for every parser that a stranger reaches',
    imports: ['deploy/build', 'services/*', 'test/support/*'],
    libraries: { ws: '*' },
  },
  {
    path: 'test/clients',
    hasFolders: true,
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
    path: 'test/browser',
    purpose:
      'the terminal page for longer than `npm test` has time: outages, large files, sign-on, from disk',
    imports: ['deploy/build', 'test/support/*'],
    libraries: { ...TEST_LIBRARIES, 'playwright-core': '*' },
  },
  {
    path: 'test/laptops',
    purpose:
      'the programs for macOS, Windows and the other Linux processor, as far as they can be looked at and run here',
    imports: ['deploy/build', 'deploy/build/mach-o', 'services/agent', 'test/contract', 'test/support/*'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/roots',
    purpose: 'the programs for Linux in images of all kinds: the table of roots and checks',
    imports: ['deploy/build', 'test/support/*'],
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
    purpose: 'parts of an agent for tests, jobs with bad intent, and the webhooks that are told',
    imports: [
      'deploy/build',
      'services/*',
      'test/support/process',
      'test/support/relay',
      'test/support/ssh',
      'test/support/time',
    ],
    libraries: { ...TEST_LIBRARIES, ws: '*' },
  },
  {
    path: 'test/support/audit',
    purpose: 'the record of a relay as those see it who read it',
    imports: ['deploy/build/pages'],
  },
  {
    path: 'test/support/browser',
    purpose: 'the terminal page in Chromium and Firefox, as a person has it before them',
    imports: [],
    libraries: { 'playwright-core': '*', vitest: '*', ws: 'firefox-page.ts' },
  },
  {
    path: 'test/support/chaos',
    purpose: 'relays that are killed, and transfers and counters that must not notice',
    imports: [
      'deploy/build',
      'test/support/laptop',
      'test/support/network',
      'test/support/process',
      'test/support/relay',
      'test/support/ssh',
      'test/support/time',
    ],
    libraries: { ...TEST_LIBRARIES, ssh2: '*' },
  },
  { path: 'test/support/chance', purpose: 'chance that a seed repeats', imports: [] },
  {
    path: 'test/support/ci',
    purpose: 'the files of deploy/ci as their systems read and run them, and a stand-in for the agent',
    imports: ['deploy/build', 'test/support/laptop', 'test/support/machine', 'test/support/process'],
    libraries: { yaml: 'ci-file.ts', zod: '*' },
  },
  {
    path: 'test/support/clients',
    purpose: 'wsproxy in this process, and the lines that a CI step runs',
    imports: ['services/*', 'test/support/process', 'test/support/time'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/support/executables',
    purpose: 'programs for any system as files, read by the eyes of the tests alone',
    imports: [],
  },
  {
    path: 'test/support/entry',
    purpose: 'built relays that ask who comes, and the jobs and people that can tell',
    imports: [
      'deploy/build',
      'test/support/chaos',
      'test/support/laptop',
      'test/support/relay',
      'test/support/ssh',
      'test/support/time',
    ],
  },
  {
    path: 'test/support/github',
    purpose: "GitHub as the action meets it: the runner's commands and files as documented, and the API",
    imports: ['deploy/build'],
    libraries: {
      '@actions/workflow-parser': 'workflow-judge.ts',
      esbuild: 'workflow-judge.ts',
      yaml: 'fake-runner.ts',
    },
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
    imports: [
      'deploy/build',
      'deploy/build/pe',
      'test/support/machine',
      'test/support/process',
      'test/support/ssh',
      'test/support/time',
    ],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/support/launcher',
    purpose: 'the launcher of binaries for Linux with a small program behind it',
    imports: ['deploy/build'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/support/machine',
    purpose: 'what of this machine a test needs: containers, roots, Wine, a browser, sockets',
    imports: ['deploy/build', 'services/shared/text', 'test/support/time'],
    libraries: { 'playwright-core': '*' },
  },
  {
    path: 'test/support/mesh',
    purpose: 'relay pods beside one another',
    imports: ['services/*', 'test/support/*'],
    libraries: TEST_LIBRARIES,
  },
  {
    path: 'test/support/network',
    purpose: 'what lies between two ends: proxies, balancers, black holes, authorities',
    imports: ['deploy/build', 'test/support/machine', 'test/support/process', 'test/support/time'],
  },
  {
    path: 'test/support/page',
    purpose:
      'a client, an agent and a relay written from docs/protocol.md alone, which import nothing of services/',
    imports: [],
    libraries: { ws: '*' },
  },
  {
    path: 'test/support/page-client',
    purpose: 'the SSH client of pages in Node: over TCP, through a relay, and against hosts with bad intent',
    imports: [
      'services/*',
      'test/support/chance',
      'test/support/machine',
      'test/support/network',
      'test/support/resume',
      'test/support/ssh',
    ],
    libraries: { ssh2: '*' },
  },
  {
    path: 'test/support/process',
    purpose: 'programs started from sources or from the build, and what they say',
    imports: ['deploy/build'],
  },
  {
    path: 'test/support/redis',
    purpose: 'a Redis of the test: alone, as a cluster, of another age',
    imports: ['services/*', 'test/support/machine', 'test/support/network', 'test/support/time'],
    libraries: { ioredis: '*', testcontainers: '*' },
  },
  {
    path: 'test/support/relay',
    purpose: 'a relay in this process, those who stand in for one, and those who talk to it',
    imports: [
      'services/*',
      'test/support/machine',
      'test/support/network',
      'test/support/process',
      'test/support/stream',
      'test/support/time',
    ],
    libraries: { ...TEST_LIBRARIES, jose: 'test-issuer.ts', ws: '*', yaml: '*' },
  },
  { path: 'test/support/report', purpose: 'figures of test runs added up', imports: [] },
  {
    path: 'test/support/resume',
    purpose: 'a wire that loses transports, and a peer that speaks frames',
    imports: ['services/*', 'test/support/chance'],
  },
  {
    path: 'test/support/sftp',
    purpose: 'an SFTP client that sends what it is told, and the reference beside ours',
    imports: ['deploy/build', 'services/*', 'test/support/machine'],
  },
  {
    path: 'test/support/ssh',
    purpose: 'SSH servers and clients of the test, down to single packets',
    imports: [
      'deploy/build',
      'services/*',
      'test/support/machine',
      'test/support/network',
      'test/support/process',
    ],
    libraries: { ssh2: '*' },
  },
  {
    path: 'test/support/sso',
    purpose: 'a provider of single sign-on, those who sign on at it, and a relay that asks for it',
    imports: ['services/*', 'test/support/network', 'test/support/relay', 'test/support/time'],
    libraries: { ...TEST_LIBRARIES, jose: '*', 'oidc-provider': '*' },
  },
  {
    path: 'test/support/stream',
    purpose: 'byte streams of the test',
    imports: ['services/*', 'test/support/network'],
    libraries: { ...TEST_LIBRARIES, ws: '*' },
  },
  { path: 'test/support/text', purpose: 'text of strangers', imports: [] },
  {
    path: 'test/support/time',
    purpose: 'clocks of the test, and waiting for an event',
    imports: ['services/*'],
  },
];

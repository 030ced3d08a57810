// The attacker reaches the SSH server of a job, or may name things in it (a branch, a key), and wants the CI system to take what
// they write into the job's log for commands: to set variables and secrets, to fail or to pass steps, to hide lines.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import ssh2, { type ConnectConfig } from 'ssh2';
import { expect, test } from 'vitest';
import { type HostileJob, startHostileJob } from '../support/agent/hostile-job.ts';
import { commandsIn, forbiddenIn, HOSTILE_TEXT } from '../support/text/hostile-text.ts';
import { until } from '../support/time/poll.ts';

/** User names that mean something to a CI system, some of them only once a filter has taken something out. */
const NAMES = [
  HOSTILE_TEXT,
  '##vso[task.setvariable variable=a;issecret=false]b',
  '##v##vso[so[task.complete result=Succeeded;]done',
  '####[[add-path]/tmp',
  '##[group]x',
  '::add-mask::password',
  '::::add-path::/tmp::::',
  ':\u200b:set-output name=a::b',
  '#\u00ad#vso[task.uploadsummary]/etc/passwd',
  "##teamcity[buildStatus status='SUCCESS']",
  'x\r##vso[a]b\r\n::error::c',
  'section_start:1:a\r\u001b[0Kb',
  '\u001b]1338;url=https://evil.test/x.png\u0007',
  '\n+++ all green',
  '\u{e0023}\u{e0023}tags',
];

/** Tries to log in as `username`; resolves when the server has ended it. */
async function knock(job: HostileJob, login: ConnectConfig): Promise<void> {
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  const sock = connect(job.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => client.on('close', () => resolve()));
  client.on('ready', () => client.end());
  client.connect({ sock, ...login });
  await closed;
}

function judge(output: string): void {
  expect(forbiddenIn(output)).toEqual([]);
  expect(commandsIn(output)).toEqual([]);
}

/** The log takes this many of one stranger line by line; the rest is a number. */
const NAMES_AT_ONCE = 5;

test('user names and versions of clients are in the log as text', async () => {
  const starts = Array.from({ length: Math.ceil(NAMES.length / NAMES_AT_ONCE) }, (_, part) =>
    namesInLog(NAMES.slice(part * NAMES_AT_ONCE, (part + 1) * NAMES_AT_ONCE)),
  );
  const log = (await Promise.all(starts)).join('\n');
  expect(log).toContain(String.raw`refused #\u{23}vso[task.setvariable`);
  expect(log).toContain(String.raw`refused #\u{23}v#\u{23}vso[so[task.complete`);
});

/** What an agent logs of clients with these names, none of whom gets in. */
async function namesInLog(names: readonly string[]): Promise<string> {
  await using job = await startHostileJob();
  for (const username of names) {
    // ssh2 signs another one than it sends if that is not ASCII, and makes an Ed25519 key now and then that it cannot read.
    const ident = `x${username.replaceAll(/[\r\n]|[^\0-\x7f]/gu, '')}`.slice(0, 200);
    await knock(job, {
      username,
      privateKey: ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private,
      ident,
    });
  }
  await until('the refusals', () => (job.agent.output().match(/refused /g) ?? []).length >= names.length);
  judge(job.agent.output());
  return job.agent.output();
}

test.each(NAMES.slice(0, 4).map((name) => name.replaceAll(/[\r\n]/g, ' ')))(
  'the comment %j of a key is in the log as text',
  async (keyComment) => {
    await using job = await startHostileJob({ keyComment });
    await knock(job, { username: 'abc', privateKey: readFileSync(job.keyFile) });
    await until('the login', () => job.agent.output().includes(' logged in from '));
    judge(job.agent.output());
  },
);

test('what strangers name in a pull request is in the log and in the greeting as text', async () => {
  const names = { GITHUB_REPOSITORY: HOSTILE_TEXT, GITHUB_WORKFLOW: '##[error]x', GITHUB_JOB: '::error::y' };
  await using job = await startHostileJob({ env: { GITHUB_ACTIONS: 'true', ...names } });
  const client = new ssh2.Client();
  client.connect({
    sock: connect(job.port, '127.0.0.1'),
    username: 'abc',
    privateKey: readFileSync(job.keyFile),
  });
  await once(client, 'ready');
  let screen = '';
  client.shell((error, channel) => {
    if (error !== undefined) throw error;
    channel.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
    });
  });
  await until('the greeting', () => screen.includes('.hold | rm $agentdir/.hold'));
  client.end();
  const [greeting = ''] = /^[^]*?rm \$agentdir\/\.hold/.exec(screen) ?? [];
  judge(greeting.replaceAll('\r\n', '\n'));
  const own = job.agent
    .output()
    .match(/^::notice title=Converge::This job is open for SSH: \.\/wsproxy ssh [^\n]*$/gm);
  expect(own).toHaveLength(1);
  judge(job.agent.output().replace(own?.[0] ?? '', ''));
});

// The attacker runs the relay of somebody else's job, and wants to write into its log, command its CI system, and put lines of
// their own into the environment of every shell in it.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { startHostileJob } from '../support/agent/hostile-job.ts';
import { AGENT_PROGRAM, startAgentProcess } from '../support/process/agent-program.ts';
import { httpAnswer, startLyingRelay, type Upgrade } from '../support/relay/lying-relay.ts';
import { commandsIn, forbiddenIn, HOSTILE_TEXT, HOSTILE_WORD } from '../support/text/hostile-text.ts';
import { until } from '../support/time/poll.ts';

function judge(output: string): void {
  expect(forbiddenIn(output)).toEqual([]);
  expect(commandsIn(output)).toEqual([]);
}

/** What `ssh` prints of a command in the job. */
async function inJob(port: number, keyFile: string, command: string): Promise<string> {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  const args = [
    '-F',
    'none',
    '-i',
    keyFile,
    '-p',
    String(port),
    ...options.flatMap((option) => ['-o', option]),
  ];
  const { stdout } = await promisify(execFile)('ssh', [...args, 'abc@127.0.0.1', command]);
  return stdout;
}

test('an address in a dial is an address, in the log and in the environment', async () => {
  const liesAbout = `203.0.113.9 0 22\nLD_PRELOAD=/tmp/x${HOSTILE_TEXT}`;
  await using job = await startHostileJob({ liesAbout });
  const environment = await inJob(job.port, job.keyFile, 'env -0');
  const variables = environment.split('\0').filter((variable) => /^SSH_(CLIENT|CONNECTION)=/.test(variable));
  expect(variables).toHaveLength(2);
  for (const variable of variables) {
    expect(variable).toMatch(
      /^(SSH_CLIENT=(192\.0\.2\.7|UNKNOWN) 0 22|SSH_CONNECTION=(192\.0\.2\.7|UNKNOWN) 0 127\.0\.0\.1 22)$/,
    );
  }
  await until('the logout', () => job.agent.output().includes('logged out'));
  judge(job.agent.output());
});

test.each([
  'fe80::1%\u0007eth0',
  '::1%add::x',
  '::1%lo',
  '127.1',
  '0x7f000001',
  '1.2.3.4:5',
  '',
  '::ffff:1.2.3.4\n',
])('an address like %j gets nothing but an address into the environment', async (liesAbout) => {
  await using job = await startHostileJob({ liesAbout });
  const client = (await inJob(job.port, job.keyFile, 'printf %s "$SSH_CLIENT"')).split(' ')[0] ?? '';
  expect(
    client === 'UNKNOWN' || /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]*(:\d{1,3}(\.\d{1,3}){3})?)$/.test(client),
    client,
  ).toBe(true);
  expect(client).not.toBe('');
});

test('what a relay says of itself is printable: its pod, its URL, its goodbye, the end of a link', async () => {
  const url = `https://r.test/${HOSTILE_TEXT}`;
  await using job = await startHostileJob({ welcome: () => ({ pod: HOSTILE_TEXT, publicUrl: url }) });
  const goodbye = { type: 'goaway', reason: HOSTILE_TEXT, seconds: 1 };
  job.links[0]?.send(JSON.stringify(goodbye));
  await until('another link', () => job.links.length > 1);
  job.links[1]?.send(JSON.stringify({ type: HOSTILE_TEXT, text: HOSTILE_TEXT }));
  job.links[1]?.close(1011, HOSTILE_TEXT);
  await until('a third link', () => job.agent.output().includes('connected to the relay again'));
  const status = await inJob(job.port, job.keyFile, 'converge status');
  expect(status).toContain('relay ');
  judge(status);
  judge(job.agent.output());
  expect(job.agent.output()).toContain(String.raw`again (\u{1b}]0;owned\u{7}`);
});

const REFUSALS: readonly [string, (upgrade: Upgrade) => void][] = [
  [
    'a refusal',
    ({ say }) => say(httpAnswer('401 No', JSON.stringify({ code: 'unauthorized', message: HOSTILE_TEXT }))),
  ],
  ['a status line', ({ say }) => say(httpAnswer(`403 ${HOSTILE_WORD.replace('\r\n', '')}`, HOSTILE_TEXT))],
  ['no HTTP at all', ({ say }) => say(HOSTILE_TEXT)],
  ['a close frame in place of the welcome', ({ accept }) => accept(AGENT_CONTROL).close(4409, HOSTILE_TEXT)],
];

test.each(REFUSALS)('what the agent complains of is printable: %s', async (_, answer) => {
  const folder = await mkdtemp(join(tmpdir(), 'lying-relay-agent-'));
  await using relay = await startLyingRelay(answer);
  const agent = startAgentProcess(AGENT_PROGRAM, [`${relay.url}/agent/job`], { cwd: folder });
  try {
    await until('a complaint', () => agent.output().includes('agent: '), 20_000);
    judge(agent.output());
  } finally {
    agent.child.kill('SIGKILL');
    await agent.ended;
    await rm(folder, { recursive: true, force: true });
  }
});

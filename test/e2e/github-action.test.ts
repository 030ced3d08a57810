// The action for GitHub with the built agent, a relay and the stock ssh, under a runner of the test: a job that fails and is entered.
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { type FakeApi, startFakeApi } from '../support/github/fake-api.ts';
import { FakeRunner } from '../support/github/fake-runner.ts';
import { type Laptop, makeKey, openLaptop } from '../support/laptop/laptop.ts';
import { binary, useWorld } from '../support/laptop/world.ts';
import type { E2eProcess } from '../support/process/started-process.ts';

const FINE = { outcome: 'success', exitCode: 0 };

const world = useWorld();
let api: FakeApi;
let laptop: Laptop;
let keyFile: string;
const runners: FakeRunner[] = [];

beforeAll(async () => {
  api = await startFakeApi();
  ({ file: keyFile } = await makeKey(world));
  laptop = await openLaptop(world);
  await symlink(binary('wsproxy'), join(laptop.folder, 'wsproxy'));
});

afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.endJob();
});

afterAll(() => api[Symbol.asyncDispose]());

async function makeJob(inputs: Readonly<Record<string, string>> = {}): Promise<FakeRunner> {
  const runner = new FakeRunner({
    action: join(ROOT, 'deploy/ci/github/action.yml'),
    folder: await world.makeFolder('runner'),
    // Nobody here has keys on GitHub.
    inputs: { relay: world.relay.url, access: '', 'authorized-keys': `${keyFile}.pub`, ...inputs },
    env: { GITHUB_API_URL: api.url, TMPDIR: world.folder, SHELL: '/bin/bash', MINE: 'of the job' },
  });
  runners.push(runner);
  return runner;
}

/** The line that a person finds in the next check run. */
async function lineOfCheckRun(): Promise<string> {
  const { body } = await api.next('POST');
  const { summary = '' } = (body?.['output'] ?? {}) as { readonly summary?: string };
  return /^(\.\/wsproxy ssh .*)$/m.exec(summary)?.[1] ?? '';
}

/** What a person pastes, with their key and a command behind it. */
function pasted(line: string, command: string): string {
  return `${line} -i '${keyFile}' -o IdentitiesOnly=yes '${command}'`;
}

function startSsh(line: string, command: string): E2eProcess {
  return laptop.start(['sh', '-c', pasted(line, command)]);
}

test('a job that fails is held, entered as the check run says, and ends as it was when they have left', async () => {
  const runner = await makeJob();
  expect(await runner.runMain()).toMatchObject(FINE);
  await writeFile(join(runner.workspace, 'build.log'), 'undefined reference to `main`\n');
  runner.failJob();
  const found = lineOfCheckRun();
  const post = runner.runPost();
  const line = await found;
  expect(runner.output).toContain(`  ${line}\n`);
  const command =
    'cat build.log; pwd; echo "$MINE"; env | grep -cE "^(INPUT|STATE)_|job-token|runtime-token"';
  const { stdout, code } = await laptop.paste(pasted(line, command));
  expect(stdout).toBe(`undefined reference to \`main\`\n${runner.workspace}\nof the job\n0\n`);
  expect(code).toBe(1);
  const held = await post;
  expect(held).toMatchObject(FINE);
  expect(runner.status).toBe('failure');
  expect(held.log).toMatch(/ended: the last client left/);
  // One by the agent, one by the action.
  expect(held.commands.filter(({ name }) => name === 'notice')).toHaveLength(2);
  expect(api.requests.at(-1)).toMatchObject({ method: 'PATCH', body: { status: 'completed' } });
  expect(await runner.endJob()).toBe(0);
});

test('`converge fail 9` fails a job that was well', async () => {
  const runner = await makeJob({ mode: 'always' });
  await runner.runMain();
  const found = lineOfCheckRun();
  const post = runner.runPost();
  const line = await found;
  await laptop.paste(pasted(line, 'converge fail 9'));
  expect(await post).toMatchObject({ outcome: 'failure', exitCode: 9 });
  expect(runner.status).toBe('failure');
});

test('in the background the job is entered while it runs, and waits at its end for who is in', async () => {
  const runner = await makeJob({ mode: 'background' });
  const main = await runner.runMain();
  expect(main).toMatchObject(FINE);
  const { ssh = '', url = '', id = '', fingerprint = '' } = Object.fromEntries(main.outputs);
  expect(ssh).toContain(url);
  expect(url).toContain(`/client/${id}#${fingerprint}`);
  expect((await laptop.paste(pasted(ssh, 'echo early'))).stdout).toBe('early\n');
  const inside = startSsh(ssh, 'echo in; cat');
  await inside.see(/^in$/m);
  const post = runner.runPost();
  await runner.see(/logged in/);
  inside.child.stdin?.end();
  expect(await post).toMatchObject(FINE);
  expect(await runner.endJob()).toBe(0);
});

test('nobody comes: the job ends as it was', async () => {
  const runner = await makeJob({ timeout: '1s' });
  await runner.runMain();
  runner.failJob();
  expect(await runner.runPost()).toMatchObject(FINE);
  expect(await runner.endJob()).toBe(0);
});

test('a job that is cancelled while somebody is in tells them, and leaves nothing behind', async () => {
  const runner = await makeJob();
  await runner.runMain();
  runner.failJob();
  const found = lineOfCheckRun();
  const post = runner.runPost();
  const line = await found;
  const inside = laptop.openTerminal(['sh', '-c', `${line} -i '${keyFile}' -o IdentitiesOnly=yes`]);
  await inside.see(/[#$] $/);
  // The step waits for the agent from here on: what it is told now, the agent hears as a cancellation.
  await runner.see(/the job is done and waits/);
  runner.cancel();
  await inside.see(/the job was cancelled/);
  expect(await post).toMatchObject({ outcome: 'cancelled', exitCode: 0 });
  expect(await runner.endJob()).toBe(0);
});

test('a background agent of a job that is cancelled ends with the job', async () => {
  const runner = await makeJob({ mode: 'background' });
  await runner.runMain();
  runner.cancel();
  expect(await runner.runPost()).toMatchObject({ outcome: 'skipped' });
  expect(await runner.endJob()).toBeGreaterThan(0);
});

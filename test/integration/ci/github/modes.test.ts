// The action in each of its modes, under a runner of the test: what its two steps do, and what they leave alone.
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type ActionWorld, openActionWorld } from '../../../support/github/action-world.ts';
import type { FakeRunner, StepRecord } from '../../../support/github/fake-runner.ts';

const FINE = { outcome: 'success', exitCode: 0 };
const LINK = 'https://relay.invalid/terminal/abc#SHA256:fingerprint';
const SSH = './wsproxy ssh "wss://relay.invalid/client/abc#SHA256:fingerprint"';

let world: ActionWorld;

beforeEach(async () => {
  world = await openActionWorld();
  onTestFinished(() => world[Symbol.asyncDispose]());
});

function annotations({ commands }: StepRecord): string[] {
  return commands.flatMap(({ name, data }) => (name === 'add-mask' ? [] : [`${name}: ${data}`]));
}

/** Runs a step that waits, and ends that by what somebody said. */
async function heldUntil(step: Promise<StepRecord>, runner: FakeRunner, code: number): Promise<StepRecord> {
  await runner.see(/^waiting$/m);
  await world.end(code);
  return step;
}

const commands = async (): Promise<string[]> => (await world.calls()).map(({ command }) => command);

describe('on-failure', () => {
  test('a job that does not fail gets the agent and never starts it', async () => {
    const runner = world.job();
    const main = await runner.runMain();
    expect(main).toMatchObject(FINE);
    expect(main.log).toContain('ready');
    const post = await runner.runPost();
    expect(post).toMatchObject({ ...FINE, log: '', summary: '' });
    expect(annotations(post)).toEqual([]);
    expect(await world.calls()).toEqual([]);
    expect(world.relay.asked).toHaveLength(2);
    expect(world.api.requests).toEqual([]);
  });

  test('without `prepare` such a job asks nobody for anything', async () => {
    const runner = world.job({ inputs: { prepare: 'false' } });
    expect(await runner.runMain()).toMatchObject(FINE);
    expect(await runner.runPost()).toMatchObject(FINE);
    expect(world.relay.asked).toEqual([]);
  });

  test('a job that fails is held at its end, for who started it, with the agent from before', async () => {
    const runner = world.job();
    await runner.runMain();
    runner.failJob();
    const asked = world.relay.asked.length;
    const post = await heldUntil(runner.runPost(), runner, 0);
    expect(post).toMatchObject(FINE);
    expect(runner.status).toBe('failure');
    expect(world.relay.asked).toHaveLength(asked);
    const [start, wait] = await world.calls();
    expect(start?.command).toBe('start');
    const name = start?.args[1];
    expect(name).toMatch(/^github-[0-9a-f]{16}$/);
    const url = `${world.relay.url.replace('http', 'ws')}/agent`;
    const limits = ['--timeout', '10m', '--max-lifetime', '2h'];
    expect(start?.args).toEqual(['--name', name, '--allow', 'github:octocat', ...limits, url]);
    expect(wait).toMatchObject({ command: 'wait', args: ['--name', name, '--linger', '10m'] });
    expect(annotations(post)).toEqual([`notice: This job is open for SSH, and from a browser: ${LINK}`]);
  });

  test('a job that is held has a pending check run with the link, completed when it ends', async () => {
    const runner = world.job({ inputs: { prepare: 'false' }, status: 'success' });
    await runner.runMain();
    runner.failJob();
    const post = runner.runPost();
    await runner.see(/^waiting$/m);
    expect(world.api.requests).toHaveLength(1);
    expect(world.api.requests[0]).toMatchObject({
      method: 'POST',
      body: { status: 'in_progress', details_url: LINK, head_sha: 'f'.repeat(40) },
    });
    expect(JSON.stringify(world.api.requests[0]?.body)).toContain(JSON.stringify(SSH).slice(1, -1));
    await world.end(0);
    await post;
    expect(world.api.requests.at(-1)).toMatchObject({
      method: 'PATCH',
      path: '/repos/octo/hello/check-runs/1',
      body: { status: 'completed', conclusion: 'neutral' },
    });
  });

  test('reached when the job has failed, it holds at its place, and the end of the job has nothing to do', async () => {
    const runner = world.job({ status: 'failure' });
    const main = await heldUntil(runner.runMain(), runner, 0);
    expect(main).toMatchObject(FINE);
    expect(main.outputs.get('ssh')).toBe(SSH);
    expect(main.summary).toContain('was open');
    expect(await runner.runPost()).toMatchObject({ ...FINE, log: '' });
    expect(await commands()).toEqual(['start', 'wait']);
  });

  test('a job that is cancelled is not opened', async () => {
    const runner = world.job();
    await runner.runMain();
    runner.cancel();
    expect(await runner.runPost()).toMatchObject({ outcome: 'skipped' });
    expect(await world.calls()).toEqual([]);
  });
});

describe('always', () => {
  test('holds a job that is well, at its end, and leaves it well', async () => {
    const runner = world.job({ inputs: { mode: 'always', timeout: '25m' } });
    await runner.runMain();
    expect(await world.calls()).toEqual([]);
    expect(await heldUntil(runner.runPost(), runner, 0)).toMatchObject(FINE);
    expect(runner.status).toBe('success');
    expect((await world.calls())[1]?.args.slice(2)).toEqual(['--linger', '25m']);
  });

  test('`converge fail 7` fails the job, and nothing else does', async () => {
    const runner = world.job({ inputs: { mode: 'always' } });
    await runner.runMain();
    expect(await heldUntil(runner.runPost(), runner, 7)).toMatchObject({ outcome: 'failure', exitCode: 7 });
    expect(runner.status).toBe('failure');
  });
});

describe('background', () => {
  test('the door is open for the steps behind, which get all there is to know, and the job waits at its end', async () => {
    const runner = world.job({ inputs: { mode: 'background' } });
    const main = await runner.runMain();
    expect(main).toMatchObject(FINE);
    expect(Object.fromEntries(main.outputs)).toEqual({
      id: 'abc',
      url: 'wss://relay.invalid/client/abc#SHA256:fingerprint',
      link: LINK,
      ssh: SSH,
      sftp: './wsproxy sftp "wss://relay.invalid/client/abc#SHA256:fingerprint"',
      fingerprint: 'SHA256:fingerprint',
    });
    expect(main.summary).toContain(`[From a browser](${LINK})`);
    expect(main.summary).toContain(`\`\`\`sh\n${SSH}\n\`\`\``);
    expect(await commands()).toEqual(['start']);
    // Nobody would complete it if the job were cancelled.
    expect(world.api.requests[0]?.body).toMatchObject({ status: 'completed', conclusion: 'neutral' });
    expect(await heldUntil(runner.runPost(), runner, 0)).toMatchObject(FINE);
    const calls = await world.calls();
    expect(calls.map(({ command }) => command)).toEqual(['start', 'wait']);
    // Well and with nobody in it: it waits for nobody.
    expect(calls[1]?.args).toEqual(calls[0]?.args.slice(0, 2));
    expect(world.api.requests.at(-1)).toMatchObject({ method: 'PATCH' });
  });

  test('a job that has failed waits for somebody to come, as long as one of the other mode', async () => {
    const runner = world.job({ inputs: { mode: 'background' } });
    await runner.runMain();
    runner.failJob();
    await heldUntil(runner.runPost(), runner, 0);
    expect((await world.calls())[1]?.args.slice(2)).toEqual(['--linger', '10m']);
  });

  test('`linger` is for both results', async () => {
    const runner = world.job({ inputs: { mode: 'background', linger: '3m' } });
    await runner.runMain();
    await heldUntil(runner.runPost(), runner, 0);
    expect((await world.calls())[1]?.args.slice(2)).toEqual(['--linger', '3m']);
  });

  test('one that could not be opened has nothing to wait for', async () => {
    await world.refuse(3);
    const runner = world.job({ inputs: { mode: 'background' } });
    const main = await runner.runMain();
    expect(main).toMatchObject(FINE);
    expect(annotations(main)).toEqual([
      'warning: This job is not open for SSH: the agent ended with 3, since the relay cannot be reached; its own words are in the log above. Its result is what it was.',
    ]);
    expect(await runner.runPost()).toMatchObject({ ...FINE, log: '' });
    expect(await commands()).toEqual(['start']);
  });
});

describe('a job that is cancelled while it is held', () => {
  test('tells the agent, completes the check run and ends', async () => {
    const runner = world.job();
    await runner.runMain();
    runner.failJob();
    const post = runner.runPost();
    await runner.see(/^waiting$/m);
    runner.cancel();
    expect(await post).toMatchObject({ outcome: 'cancelled', exitCode: 0 });
    expect(await commands()).toEqual(['start', 'wait', 'farewell']);
    expect(world.api.requests.at(-1)).toMatchObject({ method: 'PATCH', body: { status: 'completed' } });
  });
});

describe('what the agent and its shells see', () => {
  test('is what a `run` step would have: no inputs, no state, no token of the runner', async () => {
    const inputs = {
      mode: 'background',
      notify: 'https://hooks.invalid/one\nslack:https://hooks.invalid/two',
    };
    const runner = world.job({ inputs, env: { MINE: 'from the job' } });
    const main = await runner.runMain();
    const [start] = await world.calls();
    const names = Object.keys(start?.env ?? {});
    expect(start?.env['MINE']).toBe('from the job');
    expect(names.filter((name) => /^(INPUT|STATE)_|^ACTIONS_RUNTIME/.test(name))).toEqual([]);
    expect(JSON.stringify(start)).not.toContain('job-token');
    expect(start?.env['CONVERGE_NOTIFY']).toBe(inputs.notify);
    expect(start?.args.join(' ')).not.toContain('hooks');
    const masked = main.commands.filter(({ name }) => name === 'add-mask').map(({ data }) => data);
    // Of a webhook the URL alone: it is a secret wherever it stands.
    expect(masked).toEqual(['job-token', ...inputs.notify.replaceAll('slack:', '').split('\n')]);
  });

  test('an identity token can be had by it', async () => {
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token.invalid',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x',
    };
    await world.job({ inputs: { mode: 'background' }, env }).runMain();
    expect((await world.calls())[0]?.env).toMatchObject(env);
  });

  test('options are passed on, a line each', async () => {
    const inputs = {
      mode: 'background',
      identity: 'github',
      options: '--no-forwarding\n--shell /bin/my shell',
      'max-lifetime': '30m',
      'trusted-user-ca': 'https://ca.invalid/ca.pub',
    };
    await world.job({ inputs }).runMain();
    const [start] = await world.calls();
    expect(start?.args.slice(2, -1)).toEqual(
      [
        ['--allow', 'github:octocat', '--trusted-user-ca', 'https://ca.invalid/ca.pub'],
        ['--timeout', '10m', '--max-lifetime', '30m', '--identity', 'github'],
        ['--no-forwarding', '--shell', '/bin/my shell'],
      ].flat(),
    );
  });
});

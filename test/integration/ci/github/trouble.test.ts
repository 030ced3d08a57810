// The action where something is wrong: each is a sentence and an annotation, and the job's result is what it was.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type ActionWorld, openActionWorld } from '../../../support/github/action-world.ts';
import type { FakeJob, StepRecord } from '../../../support/github/fake-runner.ts';
import { startConnectProxy } from '../../../support/network/connect-proxy.ts';
import { freePort } from '../../../support/network/ports.ts';

const FINE = { outcome: 'success', exitCode: 0 };

let world: ActionWorld;

beforeEach(async () => {
  world = await openActionWorld();
  onTestFinished(() => world[Symbol.asyncDispose]());
});

/** The step of a background door: it opens at once, or says why not. */
function open(job: Partial<FakeJob> = {}): Promise<StepRecord> {
  return world.job({ ...job, inputs: { mode: 'background', ...job.inputs } }).runMain();
}

function warnings({ commands }: StepRecord): string[] {
  return commands.flatMap(({ name, data }) => (name === 'warning' ? [data] : []));
}

/** It stayed shut, by one warning; the step is well. */
async function expectShut(step: StepRecord, words: RegExp): Promise<void> {
  expect(step).toMatchObject(FINE);
  expect(warnings(step)).toEqual([expect.stringMatching(words)]);
  expect((await world.calls()).map(({ command }) => command)).not.toContain('wait');
}

const isStarted = async (): Promise<boolean> => (await world.calls()).length > 0;

describe('who started the run', () => {
  const fork = {
    repository: { private: false },
    pull_request: { head: { sha: 'a'.repeat(40), repo: { full_name: 'mallory/hello' } } },
  };
  const ownBranch = {
    repository: { private: false },
    pull_request: { head: { sha: 'a'.repeat(40), repo: { full_name: 'octo/hello' } } },
  };
  const run = (event: string, payload: unknown = {}, actor = 'octocat'): Partial<FakeJob> => ({
    env: { GITHUB_EVENT_NAME: event, GITHUB_TRIGGERING_ACTOR: actor },
    payload,
  });

  test.each([
    [
      'a pull request of a fork',
      run('pull_request', fork),
      /the code of this run is from mallory\/hello; .*allow-untrusted: true/,
    ],
    [
      'one of a fork that is gone',
      run('pull_request', { pull_request: { head: { sha: '', repo: null } } }),
      /a fork that is gone/,
    ],
    [
      'pull_request_target',
      run('pull_request_target', ownBranch),
      /pull_request_target gives .*secrets.*allow-untrusted: true/,
    ],
    [
      'a run after that of a fork',
      run('workflow_run', { workflow_run: { head_repository: { full_name: 'mallory/hello' } } }),
      /from mallory\/hello/,
    ],
    [
      'a pull request whose payload a step has emptied',
      run('pull_request', {}),
      /from a repository that its event does not name; .*allow-untrusted: true/,
    ],
    ['a run after another that does not say which', run('workflow_run', {}), /does not name/],
    [
      'a comment of a stranger',
      run('issue_comment', {}, 'mallory'),
      /mallory, who started this issue_comment, may not write/,
    ],
    [
      'a pull request between own branches, by a stranger',
      run('pull_request', ownBranch, 'mallory'),
      /mallory.* may not write/,
    ],
    ['an event of tomorrow, by a stranger', run('telepathy', {}, 'mallory'), /mallory.* may not write/],
  ])('%s stays shut', async (_, job, words) => {
    await expectShut(await open(job), words);
    expect(await isStarted()).toBe(false);
  });

  test.each([
    ['a push', run('push')],
    ['a pull request of a branch, by somebody who may write', run('pull_request', ownBranch)],
    ['a comment of somebody who may write', run('issue_comment')],
    ['a dispatch', run('workflow_dispatch')],
  ])('%s is opened', async (_, job) => {
    expect(warnings(await open(job))).toEqual([]);
    expect(await isStarted()).toBe(true);
  });

  test('a fork is opened where the workflow says so, for who started the run, and shown at its commit', async () => {
    const step = await open({
      ...run('pull_request', fork, 'mallory'),
      inputs: { 'allow-untrusted': 'true' },
    });
    expect(warnings(step)).toEqual([]);
    expect((await world.calls())[0]?.args).toContain('github:mallory');
    expect(world.api.requests.at(-1)?.body?.['head_sha']).toBe('a'.repeat(40));
  });

  test('a stranger who may not come in may start a run for those who may', async () => {
    const step = await open({
      ...run('issue_comment', {}, 'mallory'),
      inputs: { access: 'github:octo/team' },
    });
    expect(warnings(step)).toEqual([]);
    expect((await world.calls())[0]?.args).not.toContain('github:mallory');
  });

  test('where GitHub does not say who may write, it stays shut', async () => {
    const job = run('issue_comment');
    const api = `http://127.0.0.1:${await freePort()}`;
    await expectShut(
      await open({ ...job, env: { ...job.env, GITHUB_API_URL: api } }),
      /cannot be asked \(GitHub's API: nobody listens there\)/,
    );
    await expectShut(await open({ ...job, inputs: { token: 'wrong' } }), /does not say \(it answers 401\)/);
  });

  test('what the job writes into the payload changes nothing at its end', async () => {
    const runner = world.job({ ...run('pull_request', fork) });
    await runner.runMain();
    await writeFile(join(world.folder, 'temp/event.json'), '{}');
    runner.failJob();
    await expectShut(await runner.runPost(), /mallory\/hello/);
  });

  test('a run that was run again is for the one who did that', async () => {
    await open({ env: { GITHUB_ACTOR: 'octocat', GITHUB_TRIGGERING_ACTOR: 'hubot' } });
    expect((await world.calls())[0]?.args).toContain('github:hubot');
  });

  test('on a server of a company, keys are there', async () => {
    await open({ env: { GITHUB_SERVER_URL: 'https://github.example.com' } });
    expect((await world.calls())[0]?.args).toContain('https://github.example.com/octocat.keys');
  });

  test('a program has no keys; others may come in by theirs', async () => {
    const bot = run('push', {}, 'dependabot[bot]');
    await expectShut(await open(bot), /dependabot\[bot\], which has no SSH keys; say who may come in/);
    const step = await open({ ...bot, inputs: { access: 'actor, github:octo/team' } });
    expect(warnings(step)).toEqual([]);
    expect(step.log).toContain('dependabot[bot], which has no SSH keys');
    expect((await world.calls())[0]?.args).toContain('github:octo/team');
  });
});

describe('who may come in', () => {
  test('keys may stand in the workflow', async () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ octo@cat';
    const inputs = { access: '', 'authorized-keys': `${key}\nhttps://example.com/keys` };
    // An input that is given as nothing is given.
    expect(warnings(await open({ inputs }))).toEqual([]);
    const { args = [] } = (await world.calls())[0] ?? {};
    expect(args).not.toContain('--allow');
    const sources = args.filter((_, index) => args[index - 1] === '--authorized-keys');
    expect(sources[0]).toBe('https://example.com/keys');
    expect(await readFile(sources[1] ?? '', 'utf8')).toBe(`${key}\n`);
  });

  test('nobody is refused', async () => {
    await expectShut(await open({ inputs: { access: '' } }), /access names nobody; say who may come in/);
  });

  test('a password is not for a public log, unless it is a secret', async () => {
    const inputs = { access: 'anyone-with-password' };
    const payload = { repository: { private: false } };
    await expectShut(await open({ inputs, payload }), /everybody can read the log of a public repository/);
    expect(warnings(await open({ inputs, payload, env: { CONVERGE_PASSWORD: 'from a secret' } }))).toEqual(
      [],
    );
    expect(warnings(await open({ inputs, payload: { repository: { private: true } } }))).toEqual([]);
    for (const { args } of await world.calls()) expect(args).not.toContain('--allow');
  });

  test('a password is not for a log of which nothing says that it is private, as on a schedule', async () => {
    const inputs = { access: 'anyone-with-password' };
    const env = { GITHUB_EVENT_NAME: 'schedule' };
    await expectShut(await open({ inputs, env, payload: { schedule: '0 0 * * *' } }), /everybody can read/);
  });

  test('a password stands alone', async () => {
    const inputs = { access: 'actor\nanyone-with-password' };
    await expectShut(await open({ inputs }), /stands alone/);
  });
});

describe('the agent', () => {
  test('that is not what the relay names does not run', async () => {
    world.relay.sums = `${'0'.repeat(64)}  agent-${process.platform}-${process.arch}\n`;
    await expectShut(await open(), /not the one that .*SHA256SUMS names/);
    expect(await isStarted()).toBe(false);
    expect(await readdir(join(world.folder, 'temp'))).toEqual(['event.json']);
  });

  test('that is not pinned does not run; one of several pins is enough', async () => {
    const other = '0'.repeat(64);
    await expectShut(await open({ inputs: { sha256: other } }), new RegExp(`it has ${world.relay.sha256}`));
    expect(await isStarted()).toBe(false);
    const inputs = { sha256: `${other}\n${world.relay.sha256.toUpperCase()}` };
    expect(warnings(await open({ inputs }))).toEqual([]);
  });

  test('for another platform than the relay has is a sentence', async () => {
    world.relay.sums = `${'0'.repeat(64)}  agent-plan9-x64\n`;
    await expectShut(await open(), /the relay has no agent-.*ask whoever runs it/);
  });

  test('that somebody changed while the job ran is fetched again', async () => {
    const runner = world.job();
    await runner.runMain();
    const temporary = join(world.folder, 'temp');
    const folder = (await readdir(temporary)).find((name) => name.startsWith('converge-')) ?? '';
    await writeFile(join(temporary, folder, 'agent'), '#!/bin/sh\ntouch owned\n');
    runner.failJob();
    const post = runner.runPost();
    await runner.see(/^waiting$/m);
    await world.end(0);
    expect((await post).log).toContain('fetched again');
    expect((await world.calls())[0]?.command).toBe('start');
  });

  test('a relay that is busy is asked again', async () => {
    world.relay.busy = 2;
    expect(warnings(await open())).toEqual([]);
    expect(await isStarted()).toBe(true);
  });

  test('what is no relay is a sentence at once', async () => {
    await expectShut(
      await open({ inputs: { relay: `${world.relay.url}/nothing` } }),
      /answers 404; is that a relay/,
    );
    expect(world.relay.asked).toHaveLength(1);
  });

  test('a relay that is away is no matter for a job that is well, and a warning for one that failed', async () => {
    const relay = `http://127.0.0.1:${await freePort()}`;
    const runner = world.job({ inputs: { relay } });
    const main = await runner.runMain();
    expect(main).toMatchObject({ ...FINE, commands: [{ name: 'add-mask' }] });
    expect(main.log).toContain('nobody listens there');
    runner.failJob();
    await expectShut(await runner.runPost(), /cannot be had from .*: nobody listens there/);
  });

  test.each([
    [2, /ended with 2, since it was given something that it does not take/],
    [4, /ended with 4, since the relay refused/],
    [1, /ended with 1; its own words/],
  ])('that ends with %i leaves the job alone', async (code, words) => {
    await world.refuse(code);
    await expectShut(await open(), words);
  });

  test('that cannot be written is a sentence, at once', async () => {
    const shut = await open({ env: { RUNNER_TEMP: '/proc/nowhere' } });
    await expectShut(shut, /cannot be written here \(ENOENT/);
    expect(world.relay.asked).toEqual([]);
  });

  test('that ends at the end of a job that is well leaves it well', async () => {
    await world.refuse(4);
    const runner = world.job({ inputs: { mode: 'always' } });
    await runner.runMain();
    await expectShut(await runner.runPost(), /ended with 4/);
    expect(runner.status).toBe('success');
  });

  test('is had through a proxy that is written as curl takes it', async () => {
    const proxy = await startConnectProxy();
    onTestFinished(() => proxy.close());
    const { port } = new URL(world.relay.url);
    const step = await open({
      inputs: { relay: `http://relay.invalid:${port}`, 'check-run': 'false' },
      env: { HTTP_PROXY: `127.0.0.1:${proxy.port}` },
    });
    expect(warnings(step)).toEqual([]);
    expect(proxy.tunnels).toContain(`relay.invalid:${port}`);
    expect(await isStarted()).toBe(true);
  });

  test('a proxy that is none is a sentence', async () => {
    const step = await open({ env: { HTTP_PROXY: 'http://[nonsense' } });
    expect(step).toMatchObject(FINE);
    expect(step.log).toMatch(/HTTP_PROXY: not an address of a proxy/);
  });
});

describe('inputs', () => {
  test.each([
    [{ relay: '' }, /relay: "" is no address/],
    [{ relay: 'https://user:secret@host' }, /relay: .* is no address/],
    [{ relay: 'ftp://host' }, /relay: .* is no address/],
    [{ mode: 'sometimes' }, /mode: "sometimes" is none of on-failure, background, always/],
    [{ timeout: '10 minutes' }, /timeout: .* is not a duration/],
    [{ timeout: '0' }, /timeout: "0" is too short; at least 1s/],
    [{ timeout: '3h' }, /timeout: "3h" is longer than max-lifetime, which is 2h/],
    [{ linger: '8d' }, /linger: "8d" is too long; at most 7d/],
    [{ 'max-lifetime': '604801' }, /max-lifetime: .* is too long/],
    [{ prepare: 'yes' }, /prepare: "yes" is neither true nor false/],
    [{ sha256: 'abc' }, /sha256: "abc" is not 64 digits/],
  ])('%o is a warning, once', async (inputs, words) => {
    const runner = world.job({ inputs: { ...inputs } });
    await expectShut(await runner.runMain(), words);
    runner.failJob();
    expect(await runner.runPost()).toMatchObject({ ...FINE, log: '', commands: [] });
  });
});

describe('a runner', () => {
  test('whose Node reads no TypeScript leaves the job alone', async () => {
    // As Node 20 has it, which some runners take whatever action.yml says.
    const runner = world.job({ env: { NODE_OPTIONS: '--no-experimental-strip-types' } });
    await expectShut(await runner.runMain(), /with Node \d+\S*, which does not read it \(ERR_UNKNOWN_FILE_/);
    runner.failJob();
    await expectShut(await runner.runPost(), /it takes Node 24/);
  });
});

describe('the check run', () => {
  test('without the permission is a line of the log, and no annotation', async () => {
    world.api.mayCheck = false;
    const step = await open();
    expect(step.log).toMatch(/no check run shows the link, since the token may not.*checks: write/);
    expect(warnings(step)).toEqual([]);
  });

  test('is not asked for where it is not wanted', async () => {
    await open({ inputs: { 'check-run': 'false' } });
    expect(world.api.requests).toEqual([]);
  });
});

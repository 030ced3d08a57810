// What an agent tells programs and people elsewhere, by its own process: lines, outputs, the summary, and webhooks that never answer.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseRecord } from '#shared/text/json-record.ts';
import { AGENT_EVENT } from '../../../deploy/build/pages/agent-event-schema.ts';
import { openWebhookServer, type WebhookServer } from '../../support/agent/webhook-server.ts';
import { AGENT_PROGRAM } from '../../support/process/agent-program.ts';
import { cleanEnvironment } from '../../support/process/client-program.ts';
import { type E2eProcess, startProcess } from '../../support/process/started-process.ts';
import { MoodyRelay } from '../../support/relay/moody-relay.ts';
import { until } from '../../support/time/poll.ts';

let directory: string;
let relay: MoodyRelay;
let base: string;
let agent: E2eProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'agent-told-'));
  relay = new MoodyRelay();
  // Another machine would have no terminal page: over plain HTTP a browser gives it no means.
  relay.publicUrl = 'https://relay.test';
  base = await relay.start();
});

afterEach(async () => {
  agent?.kill('SIGKILL');
  relay.stop();
  await rm(directory, { recursive: true, force: true });
});

function start(args: readonly string[], env: Record<string, string> = {}): E2eProcess {
  agent = startProcess('agent', [...AGENT_PROGRAM, ...args, `${base}/agent/job`], {
    cwd: directory,
    env: cleanEnvironment({ PATH: process.env['PATH'] ?? '', ...env }),
  });
  return agent;
}

/** All of standard output, each line of it by the schema. */
function lines(): Record<string, unknown>[] {
  const text = agent?.stdout ?? '';
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => AGENT_EVENT.parse(parseRecord(line)));
}

function card(): Record<string, unknown> {
  return lines()[0] ?? expect.fail('no card');
}

/** Of the card, as text. */
function field(name: string): string {
  const value = card()[name];
  return typeof value === 'string' ? value : expect.fail(`${name} is no text`);
}

function linkSecret(): string {
  return /&secret=(\w+)/.exec(field('terminal'))?.[1] ?? expect.fail('no secret');
}

async function ended(): Promise<number | null> {
  const started = agent ?? expect.fail('none');
  started.kill('SIGTERM');
  return (await started.exited).code;
}

/** A run of GitHub's, with the files that its runner gives to a step. */
function github(): Record<string, string> {
  return {
    GITHUB_ACTIONS: 'true',
    GITHUB_REPOSITORY: 'acme/app',
    GITHUB_STEP_SUMMARY: join(directory, 'summary'),
    GITHUB_OUTPUT: join(directory, 'outputs'),
  };
}

describe('--json', () => {
  test('has nothing but objects on standard output, from the card to the end', async () => {
    const started = start(['--json'], github());
    await started.see(/"event":"card"/);
    relay.links.at(-1)?.terminate();
    await started.see(/"event":"relay_back"/);
    expect(await ended()).toBe(0);
    const events = lines();
    expect(events.map(({ event }) => event)).toEqual(['card', 'relay_lost', 'relay_back', 'ended']);
    expect(events[0]).toMatchObject({ entry: 'password', password: expect.stringMatching(/^[\w-]{16,}$/) });
    expect(events.at(-1)).toMatchObject({ reason: 'signal', exitCode: 0 });
  });

  test('ends with its reason where a relay refuses, and complains on standard error', async () => {
    // An ID that is taken would be tried for nearly as long as a test may take.
    relay.mood = 'unauthorized';
    const started = start(['--json'], github());
    expect((await started.exited).code).toBe(4);
    expect(lines()).toMatchObject([{ event: 'ended', reason: 'refused', exitCode: 4 }]);
    expect(started.stderr).toContain('because the test says so');
  });

  test('says nothing of bad arguments there', async () => {
    const started = start(['--json', '--timeout', 'nonsense']);
    expect((await started.exited).code).toBe(2);
    expect([started.stdout, started.stderr]).toEqual(['', expect.stringContaining('--timeout')]);
  });

  test('has no password where one was set, or keys are', async () => {
    const started = start(['--json'], { CONVERGE_PASSWORD: 'chosen-by-the-author' });
    await started.see(/"event":"card"/);
    expect(card()).not.toHaveProperty('password');
    expect(started.stdout).not.toContain('chosen-by-the-author');
  });
});

describe('files', () => {
  test('have what the card has, but nothing that lets in, before the card is read', async () => {
    relay.welcome = { terminal: true };
    const files = github();
    const started = start(['--json', '--link', '--output', files['GITHUB_OUTPUT'] ?? ''], files);
    await started.see(/"event":"card"/);
    const [outputs, summary] = await Promise.all(
      ['outputs', 'summary'].map((name) => readFile(join(directory, name), 'utf8')),
    );
    const [id, url, link, password, fingerprint] = ['id', 'url', 'link', 'password', 'fingerprint'].map(
      field,
    );
    const secret = linkSecret();
    expect(outputs).toContain(`id=${id}\nurl=${url}\nlink=${link}\nssh=./wsproxy ssh "${url}"\nsftp=`);
    expect(outputs).toContain(`fingerprint=${fingerprint}\n`);
    expect(summary).toContain(`(<${link}>)`);
    for (const text of [outputs, summary, link]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(password);
    }
  });

  test('that cannot be written are sentences, and the job is open', async () => {
    const started = start(['--output', directory], { ...github(), GITHUB_STEP_SUMMARY: '/dev/full' });
    await started.see(/this job is open for SSH/);
    expect(started.stderr).toContain(`--output: ${directory} cannot be written (EISDIR)`);
    expect(started.stderr).toContain("the job's summary, /dev/full, cannot be written (ENOSPC)");
    expect(await ended()).toBe(0);
  });

  test('no summary where it is switched off, and Azure is told of its own', async () => {
    start(['--no-summary'], github());
    await agent?.see(/this job is open for SSH/);
    await expect(readFile(join(directory, 'summary'))).rejects.toThrow('ENOENT');
    await ended();
    start([], { TF_BUILD: 'True', AGENT_TEMPDIRECTORY: directory });
    await agent?.see(new RegExp(`^##vso\\[task\\.uploadsummary\\]${directory}/converge-job\\.md$`, 'm'));
    expect(await readFile(join(directory, 'converge-job.md'), 'utf8')).toContain('./wsproxy ssh ');
  });
});

describe('--notify', () => {
  function urls(...hooks: readonly WebhookServer[]): string {
    return hooks.map(({ port }) => `http://127.0.0.1:${port}/S3CRET`).join();
  }

  test('tells that it is open and that it ended; sessions and the log do not have the URL', async () => {
    const hook = await openWebhookServer();
    relay.welcome = { terminal: true };
    const CONVERGE_NOTIFY = ['', 'slack:', 'teams:', 'discord:', 'mattermost:']
      .map((preset) => `${preset}${urls(hook)}`)
      .join();
    const started = start(['--json', '--link'], { CONVERGE_NOTIFY });
    await started.see(/"event":"card"/);
    expect(await ended()).toBe(0);
    expect(hook.requests).toHaveLength(10);
    const [password, secret] = [field('password'), linkSecret()];
    for (const { text } of hook.requests) {
      expect(text).not.toContain(password);
      expect(text).not.toContain(secret);
    }
    expect(started.stdout + started.stderr).not.toContain('S3CRET');
  });

  test('a webhook that never answers, one that is not there and one that answers 500 change nothing of the end', async () => {
    const [silent, broken] = [await openWebhookServer('silent'), await openWebhookServer({ status: 500 })];
    const started = start(['--json'], {
      CONVERGE_NOTIFY: `${urls(silent, broken)},https://127.0.0.1:1/S3CRET`,
    });
    await started.see(/"event":"card"/);
    await until('all asked', () => silent.requests.length > 0 && broken.requests.length > 0);
    expect(await ended()).toBe(0);
    expect(lines().at(-1)).toMatchObject({ event: 'ended', reason: 'signal', exitCode: 0 });
    expect(started.stderr.match(/"ended" was not told/g)).toHaveLength(3);
    expect(started.stderr).not.toContain('S3CRET');
  });
});

// The life of an agent, transition by transition: what people read, and how it ends.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentStart, startAgent } from '../../../services/agent/agent.ts';
import { parseInvocation } from '../../../services/agent/command-line/cli.ts';
import { SHORTEST_ANNOUNCED_MS } from '../../../services/agent/life/lifecycle.ts';
import { REMINDER_EVERY_MS } from '../../../services/agent/notices/job-log.ts';
import { ownPlatform } from '../../../services/agent/own-platform.ts';
import { FIRST_LINK_PATIENCE_MS } from '../../../services/agent/relay/link-failure.ts';
import { MoodyRelay } from '../../support/relay/moody-relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';

const MINUTE_MS = 60_000;

let directory: string;
let clock: ManualClock;
let relay: MoodyRelay;
let base: string;
let agent: AgentStart | undefined;
let code: number | undefined;
/** The job log, and what was wrong. */
let lines: string[];
let complaints: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'agent-life-'));
  clock = new ManualClock(Date.UTC(2026, 10, 22, 14, 0, 0));
  relay = new MoodyRelay();
  base = await relay.start();
  [lines, complaints, agent, code] = [[], [], undefined, undefined];
});

afterEach(async () => {
  if (agent?.kind === 'running') {
    agent.end('signal');
    await until(() => code !== undefined, 100);
  }
  relay.stop();
  await rm(directory, { recursive: true, force: true });
});

async function start(
  mood: MoodyRelay['mood'],
  argv: readonly string[] = [],
  url = base,
  env: Readonly<Record<string, string>> = {},
): Promise<AgentStart> {
  relay.mood = mood;
  const invocation = parseInvocation([...argv, `${url}/agent/job`], {});
  if (invocation.kind !== 'run') throw new Error(JSON.stringify(invocation));
  agent = await startAgent(invocation.options, {
    platform: ownPlatform(),
    env: { PATH: '/usr/bin:/bin', ...env },
    cwd: directory,
    clock,
    random: () => 0.5,
    temporaryDirectory: directory,
    program: ['/bin/true'],
    proxy: undefined,
    mask: 'zero',
    print: (line) => lines.push(line),
    complain: (line) => complaints.push(line),
  });
  if (agent.kind === 'running') {
    void agent.ended.then(({ code: ended }) => {
      code = ended;
    });
  }
  return agent;
}

function end(reason: 'signal' | 'ended_by_user'): void {
  if (agent?.kind !== 'running') throw new Error('it is not running');
  agent.end(reason);
}

/** Lets the network go on, and time by `stepMs` at each look, until `condition` holds. */
async function until(condition: () => boolean, stepMs = 0): Promise<void> {
  const giveUpAt = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > giveUpAt) throw new Error(`never came true: ${String(condition)}\n${lines.join('\n')}`);
    clock.advance(stepMs);
    await setImmediate();
  }
}

function told(text: string): boolean {
  return lines.some((line) => line.includes(text));
}

async function linked(): Promise<void> {
  await start('welcome');
  await until(() => told('this job is open for SSH'));
}

async function cutOff(): Promise<void> {
  await linked();
  relay.mood = 'draining';
  relay.links.at(-1)?.terminate();
  await until(() => told('lost the relay (lost), dialling again'));
}

describe('an agent that no relay has taken yet', () => {
  test('says nothing in the job log, and once what is in the way', async () => {
    await start('draining');
    await until(() => relay.handshakes.length > 3, 100);
    expect(lines).toEqual([]);
    expect(complaints).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+ refused: .*; trying again for 60 s$/),
    ]);
  });

  test('prints the card with the URL that the relay tells, once', async () => {
    await linked();
    expect(told('https://relay.test/docs/wsproxy')).toBe(true);
    expect(lines.filter((line) => line.includes('this job is open'))).toHaveLength(1);
  });

  test('prints its own URL where that of the relay is of no use in a command', async () => {
    relay.publicUrl = "https://'$(reboot)/";
    await linked();
    expect(told(`${base.replace('ws', 'http')}/docs/wsproxy`)).toBe(true);
    expect(lines.join()).not.toContain('reboot');
  });

  test('ends with 3 when its time is over, and nobody is blamed for not coming', async () => {
    await start('draining', ['--timeout', '30s']);
    await until(() => code !== undefined, 500);
    expect(code).toBe(3);
    expect(complaints.at(-1)).toBe('the relay was not reached before the deadline');
    expect(told('ended')).toBe(false);
  });

  test('ends with 3 when its patience is over', async () => {
    const startedAt = clock.now();
    await start('draining');
    await until(() => code !== undefined, 500);
    expect(code).toBe(3);
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(FIRST_LINK_PATIENCE_MS);
  });

  test('names a relay that is not there in the words that the clients use', async () => {
    relay.stop();
    await start('welcome');
    await until(() => complaints.length === 1, 100);
    const host = new URL(base).host;
    expect(complaints).toEqual([`relay ${host}: connection refused; trying again for 60 s`]);
  });

  test.each([
    ['unauthorized', 4],
    ['upgrade_required', 5],
  ] as const)('that is refused as %s ends with %d and one line', async (mood, exitCode) => {
    await start(mood);
    await until(() => code !== undefined);
    expect(code).toBe(exitCode);
    expect(complaints).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  test('ends with 0 when the job is told to stop, and prints no card for a relay that comes too late', async () => {
    await start('draining');
    await until(() => relay.handshakes.length > 0);
    end('signal');
    relay.mood = 'welcome';
    await until(() => code !== undefined, 100);
    expect(code).toBe(0);
    expect(lines).toEqual([expect.stringContaining('ended: the job was told to stop')]);
  });
});

describe('an agent that a relay has', () => {
  test('says once a minute that it waits', async () => {
    await linked();
    const before = lines.length;
    clock.advance(3 * REMINDER_EVERY_MS);
    expect(lines.slice(before)).toEqual([
      'converge 14:01:00 UTC: waiting for somebody to connect; ends in 9 minutes',
      'converge 14:02:00 UTC: waiting for somebody to connect; ends in 8 minutes',
      'converge 14:03:00 UTC: waiting for somebody to connect; ends in 7 minutes',
    ]);
  });

  test('says nothing of a relay that hands it over to another', async () => {
    await linked();
    const before = lines.length;
    relay.links[0]?.send(JSON.stringify({ type: 'goaway', reason: 'restart', seconds: 30 }));
    await until(() => relay.links[0]?.readyState === relay.links[0]?.CLOSED && relay.links.length === 2, 10);
    expect(lines.slice(before)).toEqual([]);
  });

  test('ends with 0 at the deadline, once, and leaves nothing behind', async () => {
    await linked();
    clock.advance(10 * MINUTE_MS);
    end('ended_by_user');
    await until(() => code !== undefined);
    expect(code).toBe(0);
    expect(lines.at(-1)).toContain('ended: nobody logged in before the deadline');
    expect(await readdir(directory)).toEqual([]);
    const before = lines.length;
    clock.advance(10 * MINUTE_MS);
    expect(lines.slice(before)).toEqual([]);
  });
});

describe('an agent that lost its relay', () => {
  test('says so, and once a minute since when nobody can connect', async () => {
    await cutOff();
    const before = lines.length;
    await until(() => lines.length >= before + 2, 1_000);
    expect(lines.slice(before)).toEqual([
      expect.stringMatching(
        /nobody can connect: no relay since 14:00 UTC \(1 minute\), still dialling; ends in 9 minutes$/,
      ),
      expect.stringMatching(/no relay since 14:00 UTC \(2 minutes\), still dialling; ends in 8 minutes$/),
    ]);
    expect(complaints).toEqual([expect.stringMatching(/; trying again for as long as the job is open$/)]);
  });

  test('says when another has it, waits for somebody again, and keeps the card as it was', async () => {
    await cutOff();
    relay.mood = 'welcome';
    relay.publicUrl = 'https://other.test';
    await until(() => told('connected to the relay again (pod-2)'), 10);
    clock.advance(REMINDER_EVERY_MS);
    expect(lines.at(-1)).toContain('waiting for somebody to connect');
    expect(lines.filter((line) => line.includes('this job is open'))).toHaveLength(1);
    expect(told('other.test')).toBe(false);
  });

  test('ends with 0 at the deadline: it had been reached', async () => {
    await cutOff();
    await until(() => code !== undefined, 1_000);
    expect(code).toBe(0);
    expect(lines.at(-1)).toContain('ended: nobody logged in before the deadline');
  });

  test('ends with 0 when the job is told to stop', async () => {
    await cutOff();
    end('signal');
    await until(() => code !== undefined);
    expect(code).toBe(0);
  });
});

describe('an agent of a relay that asks who it is', () => {
  const GITHUB = { GITHUB_ACTIONS: 'true' };

  test('shows what it has, and prints no more than it does otherwise', async () => {
    relay.demand = { kinds: ['token'], challenge: 'c' };
    await start('welcome', [], base, { CONVERGE_TOKEN: 'secret' });
    await until(() => told('this job is open for SSH'));
    expect(relay.handshakes.map(({ identity }) => identity)).toEqual([undefined, 'token secret']);
    expect(complaints).toEqual([]);
    expect(lines.join()).not.toContain('secret');
  });

  test('ends with 4 and one line that says what is missing, on the page of the run as well', async () => {
    relay.demand = { kinds: ['oidc', 'token'], challenge: 'c' };
    await start('welcome', [], base, GITHUB);
    await until(() => code !== undefined);
    const host = new URL(base).host;
    const message = `${host} asks agents who they are: GitHub gives this job no identity token: write \`permissions: { contents: read, id-token: write }\` into the job (a pull request from a fork gets none)`;
    expect([code, complaints]).toEqual([4, [message]]);
    expect(lines).toEqual([`::error title=Converge::This job is not open for SSH: ${message}`]);
  });

  test("is told the relay's reason whole, on one line", async () => {
    relay.demand = { kinds: ['token'], challenge: 'c' };
    relay.refusedProofs.push('not_admitted');
    relay.words = `no rule admits it: ${'the rule a wants another ref; '.repeat(40)}::error::the end`;
    await start('welcome', [], base, { CONVERGE_TOKEN: 'secret', ...GITHUB });
    await until(() => code !== undefined);
    expect(code).toBe(4);
    expect(complaints).toEqual([
      expect.stringContaining(String.raw`ref; :\u{3a}error:\u{3a}the end (not_admitted)`),
    ]);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.match(/::/g)).toHaveLength(2);
  });

  test('with --identity none shows nothing', async () => {
    relay.demand = { kinds: ['token'], challenge: 'c' };
    await start('welcome', ['--identity', 'none'], base, { CONVERGE_TOKEN: 'secret' });
    await until(() => code !== undefined);
    expect(code).toBe(4);
    expect(relay.handshakes).toHaveLength(1);
    expect(complaints).toEqual([expect.stringContaining('(--identity none)')]);
  });
});

describe('an agent that a relay gives less time than its own option', () => {
  test('says so on the card, and ends by then whatever holds it', async () => {
    relay.welcome = { lifetimeMs: 5 * MINUTE_MS };
    await start('welcome');
    await until(() => told('this job is open for SSH'));
    expect(told('always 5 minutes from now: the relay gives this agent 5 minutes.')).toBe(true);
    expect(told('Waits for you until 14:05 UTC (5 minutes).')).toBe(true);
    await writeFile(join(directory, '.hold'), '');
    clock.advance(5 * MINUTE_MS - 1_000);
    expect(code).toBeUndefined();
    clock.advance(1_000);
    await until(() => code !== undefined);
    expect(code).toBe(0);
    expect(lines.at(-1)).toContain('ended: the time was over that the relay gives this agent');
  });

  test('counts from the newest word of a relay', async () => {
    relay.welcome = { lifetimeMs: 5 * MINUTE_MS, pass: 'pass' };
    await start('welcome');
    await until(() => told('this job is open for SSH'));
    relay.welcome = { lifetimeMs: 2 * MINUTE_MS, pass: 'pass' };
    relay.links[0]?.send(JSON.stringify({ type: 'goaway', reason: 'restart', seconds: 30 }));
    await until(() => relay.links[0]?.readyState === relay.links[0]?.CLOSED && relay.links.length === 2, 10);
    clock.advance(2 * MINUTE_MS);
    await until(() => code !== undefined);
    expect(lines.at(-1)).toContain('ended: the time was over that the relay gives this agent');
  });

  test('ends with 4 and a sentence where that is over before anybody was told of it', async () => {
    relay.welcome = { lifetimeMs: SHORTEST_ANNOUNCED_MS - 1 };
    await start('welcome');
    await until(() => code !== undefined);
    expect(code).toBe(4);
    expect(complaints).toEqual(['the relay takes this agent, but leaves it no time for anybody to come']);
    expect(lines).toEqual([]);
  });
});

test('an agent with keys that cannot be read starts nothing and ends with 2', async () => {
  const started = await start('welcome', ['--authorized-keys', join(directory, 'none')]);
  expect(started).toEqual({ kind: 'failed', code: 2 });
  expect(complaints).toEqual([expect.stringContaining('no such file')]);
  expect(clock.pending).toBe(0);
});

test('a quiet agent prints what one needs to enter, and no reminder', async () => {
  await start('welcome', ['--quiet']);
  await until(() => lines.length === 2);
  expect(lines[0]).toMatch(/^\.\/wsproxy ssh "wss:/);
  clock.advance(3 * REMINDER_EVERY_MS);
  expect(lines).toHaveLength(2);
});

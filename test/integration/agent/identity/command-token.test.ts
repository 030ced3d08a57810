// Identity tokens of CircleCI and Buildkite, from programs that stand in for theirs.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  BUILDKITE,
  CIRCLECI,
  commandTokenSource,
  MAX_TOKEN_COMMAND_BYTES,
  TOKEN_COMMAND_TIMEOUT_MS,
} from '../../../../services/agent/identity/command-token.ts';
import type { HadToken } from '../../../../services/agent/identity/id-token-maker.ts';
import { ADDON_PROGRAMS } from '../../../../services/agent/platform/posix/addon-programs.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

const AUDIENCE = 'https://relay.test';

let directory: string;
let clock: ManualClock;
let controller: AbortController;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'token-command-'));
  [clock, controller] = [new ManualClock(), new AbortController()];
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<void> {
  const path = join(directory, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

function ask(command = BUILDKITE, path = `/nonexistent:${directory}:/usr/bin:/bin`): Promise<HadToken> {
  // As on Windows, where the job may have spelled it in another way.
  const env = { Path: path, OWN: 'value' };
  const options = { programs: ADDON_PROGRAMS, env, path, cwd: directory, clock };
  return commandTokenSource(command, options)(AUDIENCE, controller.signal);
}

const failed = (why: string, passes = false) => ({
  kind: 'none',
  message: `buildkite-agent gave no identity token: ${why}`,
  passes,
});

test("each system's program is asked for the audience in its own words, in the job's environment", async () => {
  const script = `printf '%s|' "$0" "$@" "$OWN" "$PWD" > ${directory}/asked; echo the.id.token; echo careful >&2`;
  await program('circleci', script);
  await program('buildkite-agent', script);
  const asked = () => readFile(join(directory, 'asked'), 'utf8').then((text) => text.split('|'));
  expect(await ask(CIRCLECI)).toEqual({ kind: 'token', token: 'the.id.token\n' });
  const circleci = ['run', 'oidc', 'get', '--claims', '{"aud":"https://relay.test"}'];
  expect(await asked()).toEqual([join(directory, 'circleci'), ...circleci, 'value', directory, '']);
  expect(await ask(BUILDKITE)).toEqual({ kind: 'token', token: 'the.id.token\n' });
  const buildkite = ['oidc', 'request-token', '--audience', 'https://relay.test'];
  expect(await asked()).toEqual([join(directory, 'buildkite-agent'), ...buildkite, 'value', directory, '']);
});

test('what it says last is passed on when it fails, harmless', async () => {
  await program('buildkite-agent', `echo first >&2; printf 'no \\033[2J##[x] here\\n' >&2; exit 3`);
  expect(await ask()).toEqual(failed(String.raw`it ended with 3 (no \u{1b}[2J#\u{23}[x] here)`));
  await program('buildkite-agent', 'echo token; exit 1');
  expect(await ask()).toEqual(failed('it ended with 1'));
  await program('buildkite-agent', 'true');
  expect(await ask()).toEqual(failed('it printed nothing'));
  await program('buildkite-agent', 'kill -9 $$');
  expect(await ask()).toEqual(failed('it was ended by a signal'));
});

test('one that does not end is killed with all that it started', async () => {
  await program('buildkite-agent', `sleep 1000 & echo $! > ${directory}/pid; wait`);
  let had: HadToken | undefined;
  void ask().then((one) => {
    had = one;
  });
  const pidFile = () => readFile(join(directory, 'pid'), 'utf8').catch(() => '');
  await until('it runs', async () => (await pidFile()) !== '');
  clock.advance(TOKEN_COMMAND_TIMEOUT_MS - 1);
  await setImmediate();
  expect(had).toBeUndefined();
  clock.advance(1);
  await until('it is given up', () => had !== undefined);
  expect(had).toEqual(failed('it did not end within 30 s', true));
  const pid = Number(await pidFile());
  await until('its child is gone', async () => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    return /\) Z/.test(stat);
  });
});

test('one that leaves something behind with its pipes is not waited for beyond its time', async () => {
  // It says that it is there when it has left the group: in there it would be killed.
  const staying = `echo $$ > ${directory}/pid; exec sleep 1000`;
  await program('buildkite-agent', `setsid sh -c '${staying}' & echo the.id.token`);
  let had: HadToken | undefined;
  void ask().then((one) => {
    had = one;
  });
  const pidFile = () => readFile(join(directory, 'pid'), 'utf8').catch(() => '');
  await until('it runs', async () => (await pidFile()) !== '');
  clock.advance(TOKEN_COMMAND_TIMEOUT_MS);
  await until('it is given up', () => had !== undefined);
  process.kill(Number(await pidFile()), 'SIGKILL');
  expect(had).toEqual(failed('it did not end within 30 s', true));
});

test('one that is asked when the agent has ended is not waited for', async () => {
  controller.abort();
  await program('buildkite-agent', 'sleep 1000');
  expect(await ask()).toEqual(failed('it was ended by a signal'));
});

test('one that never stops talking is killed', async () => {
  await program('buildkite-agent', `yes ${'x'.repeat(1_000)}`);
  expect(await ask()).toEqual(failed('it was ended by a signal'));
  expect(MAX_TOKEN_COMMAND_BYTES).toBeLessThan(1_000_000);
});

test('nobody waits for it any more once the agent has ended', async () => {
  await program('buildkite-agent', `echo > ${directory}/runs; sleep 1000`);
  const asking = ask();
  await until('it runs', () =>
    readFile(join(directory, 'runs')).then(
      () => true,
      () => false,
    ),
  );
  controller.abort();
  expect(await asking).toEqual(failed('it was ended by a signal'));
});

test('is looked for in PATH as a shell does, and never in the folder of the job', async () => {
  await program('buildkite-agent', 'echo evil');
  // As an empty part of PATH would find it, where this test runs.
  const here = { ...BUILDKITE, program: 'node_modules/.bin/tsc' };
  expect(await ask(here, '::/nonexistent')).toMatchObject({
    message: expect.stringContaining('not in PATH'),
  });
  await mkdir(join(directory, 'first', 'buildkite-agent'), { recursive: true });
  await mkdir(join(directory, 'second'));
  await writeFile(join(directory, 'second', 'buildkite-agent'), 'not for running');
  const path = ['first', 'second'].map((name) => join(directory, name)).join(':');
  expect(await ask(BUILDKITE, `${path}:${directory}`)).toEqual({ kind: 'token', token: 'evil\n' });
  await writeFile(join(directory, 'buildkite-agent'), 'no program at all');
  await chmod(join(directory, 'buildkite-agent'), 0o755);
  expect(await ask()).toMatchObject({ kind: 'none', passes: false });
});

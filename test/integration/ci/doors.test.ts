// The files of deploy/ci, run as their systems run them, in the shells of images, against a real relay and a stand-in for the agent.
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CIRCLECI, CIRCLECI_ON_FAILURE } from '../../support/ci/circleci.ts';
import { GITLAB } from '../../support/ci/gitlab.ts';
import { runStep, type StepOutcome } from '../../support/ci/run-step.ts';
import type { StepWish } from '../../support/ci/step.ts';
import { makeStubDownloads } from '../../support/ci/stub-agent.ts';
import { CELLS, type Cell, withoutDoor } from '../../support/ci/systems.ts';
import { WOODPECKER } from '../../support/ci/woodpecker.ts';
import { fillPath } from '../../support/machine/bare-path.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { type RunningRelay, startRelay } from '../../support/relay/relay.ts';

const OWN_CODE = 42;
const FAILING = `mkdir deep && cd deep && (exit ${OWN_CODE})`;
/** What the door and the agent's script need of an image beside its shell and what gets files. */
const IMAGE = ['sh', 'uname', 'mktemp', 'mkdir', 'rm', 'chmod', 'sed', 'cut', 'sha256sum'];
/** Answers nothing, on any machine. */
const NOBODY = 'http://127.0.0.1:9';

let folder: string;
let relay: RunningRelay;
let origin: string;
let work: string;
let temporary: string;

beforeAll(async () => {
  await ensureCommands(['busybox', 'curl', 'dash', 'perl', 'python3', 'wget']);
  folder = await realpath(await mkdtemp(join(tmpdir(), 'converge-ci-')));
  relay = await startRelay({ downloads: await makeStubDownloads(folder) });
  origin = `http://127.0.0.1:${relay.port}`;
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  work = await mkdtemp(join(folder, 'work-'));
  temporary = await mkdtemp(join(folder, 'tmp-'));
});
afterEach(async () => {
  expect(await readdir(temporary), 'nothing is left in TMPDIR').toEqual([]);
});

type Wish = Partial<Omit<StepWish, 'shell'>> & {
  readonly env?: Readonly<Record<string, string>>;
  readonly path?: string;
};

async function run({ system, shell }: Pick<Cell, 'system' | 'shell'>, wish: Wish = {}): Promise<StepOutcome> {
  const { env = {}, path, ...words } = wish;
  const step = system.stepOf({ relay: origin, command: FAILING, shell, ...words });
  return await runStep(step, { folder: work, path, env: { TMPDIR: temporary, ...env } });
}

/** What the system makes of the failing command without us. GitLab's older eval in bash makes 1 of every code. */
async function ownCode({ system, shell }: Cell): Promise<number | null> {
  if (system.hasCommandApart) return OWN_CODE;
  const step = withoutDoor(system.stepOf({ relay: NOBODY, command: `(exit ${OWN_CODE})`, shell }));
  return (await runStep(step, { folder: work, path: undefined, env: {} })).code;
}

/** Starts a server that is no relay. */
async function listen(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pathWith(...commands: string[]): Promise<string> {
  const path = await mkdtemp(join(folder, 'path-'));
  await fillPath(path, [...IMAGE, ...commands]);
  return path;
}

describe.each(CELLS)('$name', (cell) => {
  const { system } = cell;
  const wraps = system.canContinue || system.hasCommandApart === true;

  test('a job that fails opens the door where it stands, and keeps its own code', async () => {
    const { code, stdout, stderr } = await run(cell, { options: { allow: 'password' } });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^stub <run> (<--max-lifetime> <2h> )?<--> <sh> <-c> /m);
    expect(stdout).toMatch(/^stub url=<ws:\/\/127\.0\.0\.1:\d+\/agent>$/m);
    expect(stdout).toMatch(/^stub allow=<unset>$/m);
    expect(stdout).toContain(`stub here=<${system.canContinue ? join(work, 'deep') : work}>`);
    expect(code).toBe(await ownCode(cell));
  });

  test('`continue` makes it a success and `fail` another failure, where a step can decide', async () => {
    const own = await ownCode(cell);
    const went = await run(cell, { command: FAILING, options: { allow: 'continue' } });
    expect(went.stdout).toContain('stub <run>');
    expect(went.code).toBe(system.canContinue || system.ownStep === true ? 0 : own);
    await rm(join(work, 'deep'), { recursive: true, force: true });
    const failed = await run(cell, { options: { allow: 'fail-7' } });
    expect(failed.code).toBe(system.canContinue || system.ownStep === true ? 7 : own);
  });

  test('a job that succeeds asks the relay for nothing', async ({ skip }) => {
    if (!wraps) return skip('its step runs only after a failure');
    const asked: (string | undefined)[] = [];
    await using other = await listen(({ url }, answer) => {
      asked.push(url);
      answer.writeHead(500).end();
    });
    const outcome = await run(cell, { command: 'echo done', relay: other.url });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain('done\n');
    expect(asked).toEqual([]);
  });

  test('a relay that does not answer changes nothing', async () => {
    const { code, stdout, stderr } = await run(cell, { relay: NOBODY });
    expect(code).toBe(await ownCode(cell));
    expect(stdout).not.toContain('stub');
    if (!system.isOneLine)
      expect(stderr).toContain(`converge: no door: cannot get ${NOBODY}/docs/agent.sh; the job ends with `);
  });
});

describe.each(CELLS.filter(({ system }) => system.isOneLine))('the one line, $name', (cell) => {
  test('keeps its code where the script comes in part, or something else comes', async () => {
    const script = await (await fetch(`${origin}/docs/agent.sh`)).text();
    const parts = [0.1, 0.5, 0.99].map((part) => script.slice(0, Math.floor(script.length * part)));
    for (const part of [...parts, '<html>(sign in here)</html>\n']) {
      await using broken = await listen((_, answer) => {
        answer.writeHead(200, { 'content-length': part.startsWith('<') ? part.length : script.length });
        answer.write(part, () => (part.startsWith('<') ? answer.end() : answer.destroy()));
      });
      const { code, stdout } = await run(cell, { relay: broken.url });
      expect({ code, stdout }, part.slice(-40)).toEqual({ code: OWN_CODE, stdout: '' });
      await rm(join(work, 'deep'), { recursive: true });
    }
  });
});

const ONE = CELLS.filter(({ system }) => system === WOODPECKER);

describe.each(ONE)('the lines of the door, $name', (cell) => {
  test('take the script that is pinned, and no other', async () => {
    const script = await (await fetch(`${origin}/docs/agent.sh`)).text();
    const sha256 = createHash('sha256').update(script).digest('hex');
    expect((await run(cell, { options: { sha256 } })).stdout).toContain('stub <run>');
    await rm(join(work, 'deep'), { recursive: true });
    const other = await run(cell, { options: { sha256: '0'.repeat(64) } });
    expect(other.stdout).not.toContain('stub');
    expect(other.stderr).toContain(`has the SHA-256 ${sha256} and not the one that is pinned here`);
    expect(other.code).toBe(OWN_CODE);
  });

  test('do not run what is no script of a relay, such as the page of a captive portal', async () => {
    await using portal = await listen((_, answer) => answer.end('<html>touch stolen</html>\n'));
    const { code, stderr } = await run(cell, { relay: portal.url });
    expect(code).toBe(OWN_CODE);
    expect(stderr).toContain('is no script of a relay');
  });

  test('do not run what came in part, by whichever tool', async () => {
    const script = await (await fetch(`${origin}/docs/agent.sh`)).text();
    await using broken = await listen((_, answer) => {
      answer.writeHead(200, { 'content-length': script.length });
      answer.write(script.slice(0, script.length - 3), () => answer.destroy());
    });
    const { code, stdout, stderr } = await run(cell, { relay: broken.url });
    expect(code).toBe(OWN_CODE);
    expect(stdout).not.toContain('stub');
    expect(stderr).toContain('no door: ');
  });

  test.each(['curl', 'wget', 'busybox:wget', 'python3', 'perl'])('get it with %s alone', async (tool) => {
    const path = await pathWith(tool);
    const { code, stdout, stderr } = await run(cell, { path });
    expect({ code, stderr }).toEqual({ code: OWN_CODE, stderr: '' });
    expect(stdout).toContain('stub <run>');
  });

  test('say so where nothing gets it', async () => {
    const { code, stdout, stderr } = await run(cell, { path: await pathWith() });
    expect(code).toBe(OWN_CODE);
    expect(stdout).not.toContain('stub');
    expect(stderr).toMatch(
      /^converge: no door: cannot get http:\S+; the job ends with 42, as without Converge\n$/,
    );
  });

  test('give an ID only where one is chosen', async () => {
    const { stdout } = await run(cell, { options: { id: 'k8s.7.x' } });
    expect(stdout).toMatch(/^stub url=<ws:\/\/127\.0\.0\.1:\d+\/agent\/k8s\.7\.x>$/m);
  });

  test('let nobody in by a password where the list of who may come in is empty', async () => {
    expect((await run(cell, { options: { allow: '' } })).stdout).toMatch(/^stub allow=<>$/m);
  });

  test('work under set -u, quietly under set -x, and after a trap of a subshell', async () => {
    const { code, stdout, stderr } = await run(cell, {
      command: `set -ux\n(trap 'echo inner' EXIT)\nfalse_$$ 2>/dev/null || (exit ${OWN_CODE})`,
    });
    expect(code).toBe(OWN_CODE);
    expect(stdout).toContain('inner\nstub <run>');
    expect(stderr).not.toContain('converge_text');
  });

  test.each([
    ['TERM', 143],
    ['INT', 130],
    ['HUP', 129],
  ])('open nothing for a job that is cancelled by SIG%s', async (name, code) => {
    // What gets it: the command, of which the shell tells, and the shell itself.
    const told = await run(cell, { command: `sh -c 'kill -${name} $$'` });
    expect(told.stdout).not.toContain('stub');
    expect(told.code).toBe(code);
    // A command may end like that by itself, and then somebody wonders.
    expect(told.stderr).toContain(
      `converge: no door: a signal ended it, as when a job is cancelled; the job ends with ${code}`,
    );
    const itself = await run(cell, { command: `kill -${name} $$; sleep 5` });
    expect(itself.stdout).not.toContain('stub');
  });

  test('open for a command that a signal killed, and keep its code', async () => {
    const { code, stdout } = await run(cell, { command: `sh -c 'kill -SEGV $$'` });
    expect(stdout).toContain('stub <run>');
    expect(code).toBe(139);
  });
});

describe('who may come in', () => {
  const shell = ['dash'] as const;

  test('is on GitLab whoever started the pipeline, at that GitLab', async () => {
    expect((await run({ system: GITLAB, shell })).stdout).toContain(
      'stub allow=<https://gitlab.example/jane.keys>\n',
    );
  });

  test.each([
    ['git@github.com:acme/shop.git', 'github:jane'],
    ['https://github.com/acme/shop', 'github:jane'],
    ['git@bitbucket.org:acme/shop.git', ''],
    ['https://github.com.evil.example/shop', ''],
    ['', ''],
  ])(
    'is on CircleCI, for %s, "%s": a name of another host is somebody else on GitHub',
    async (url, allow) => {
      const env = { CIRCLE_REPOSITORY_URL: url };
      for (const system of [CIRCLECI, CIRCLECI_ON_FAILURE]) {
        expect((await run({ system, shell }, { env })).stdout).toContain(`stub allow=<${allow}>\n`);
        await rm(join(work, 'deep'), { recursive: true, force: true });
      }
    },
  );

  test('is on CircleCI nobody where the build names nobody', async () => {
    const env = { CIRCLE_USERNAME: '' };
    expect((await run({ system: CIRCLECI, shell }, { env })).stdout).toContain('stub allow=<>\n');
  });

  // The last begins as a repository's URL does.
  test.each(['gitlab:joe', 'https://github.com/joe.keys'])(
    'is on CircleCI whom the author says and nobody else: %s',
    async (allow) => {
      for (const system of [CIRCLECI, CIRCLECI_ON_FAILURE]) {
        const { stdout } = await run({ system, shell }, { options: { allow } });
        expect(stdout).toContain(`stub allow=<${allow}>\n`);
        await rm(join(work, 'deep'), { recursive: true, force: true });
      }
    },
  );
});

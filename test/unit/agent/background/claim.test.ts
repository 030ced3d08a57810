// The claim of a name: one agent at a time has it, a dead one's is taken over, and what others put there is not trusted.
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#shared/time/clock.ts';
import {
  type Claim,
  claimName,
  findClaims,
  removeClaim,
  STATE_KEPT_MS,
  tidyState,
} from '../../../../services/agent/background/claim.ts';
import { jobNameFrom } from '../../../../services/agent/background/job-name.ts';
import {
  isStateFolder,
  openStateFolder,
  stateFolders,
} from '../../../../services/agent/background/state-folder.ts';

const ME = process.getuid?.();
/** Of somebody else; only root may make files theirs. */
const SOMEBODY = 12_345;

let directory: string;
let state: string;
let servers: Server[];
let count: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'claim-'));
  state = join(directory, 'state');
  openStateFolder(state, ME);
  [servers, count] = [[], 0];
});

afterEach(async () => {
  for (const server of servers) server.close();
  await rm(directory, { recursive: true, force: true });
});

/** An agent that lives, if `isAlive`. */
async function agent(name: string, isAlive = true): Promise<Claim> {
  count += 1;
  const run = `run-Abcde${count}`;
  await mkdir(join(state, run));
  const address = join(state, run, 'socket');
  if (isAlive) {
    const server = createServer((socket) => socket.on('error', () => undefined)).listen(address);
    await once(server, 'listening');
    servers.push(server);
  }
  return { name, job: 'the job', run, address, pid: process.pid, program: ['/x/agent'] };
}

const found = (name: string) => findClaims([state], ME, name);

describe('a name', () => {
  test('is had by the first that lives, and is found with all that it says', async () => {
    const first = await agent('web');
    expect(await claimName(state, first, systemClock)).toEqual({ kind: 'claimed' });
    expect(await claimName(state, await agent('web'), systemClock)).toMatchObject({
      kind: 'taken',
      by: { run: first.run },
    });
    expect(await claimName(state, await agent('db'), systemClock)).toEqual({ kind: 'claimed' });
    expect(found('web')).toEqual([{ ...first, state, folder: join(state, first.run) }]);
  });

  test('is taken over from one that does not answer, whoever has its pid by now', async () => {
    const dead = await agent('web', false);
    await claimName(state, dead, systemClock);
    const next = await agent('web');
    expect(await claimName(state, next, systemClock)).toEqual({ kind: 'claimed' });
    expect(found('web')).toMatchObject([{ run: next.run }]);
    expect(await readdir(state)).not.toContain(dead.run);
  });

  test('is had by one of many that want it at once, over a dead one too', async () => {
    await claimName(state, await agent('web', false), systemClock);
    const rivals = await Promise.all(Array.from({ length: 8 }, () => agent('web')));
    const outcomes = await Promise.all(rivals.map((rival) => claimName(state, rival, systemClock)));
    const winners = rivals.filter((_rival, index) => outcomes[index]?.kind === 'claimed');
    expect(winners).toHaveLength(1);
    expect(found('web')).toMatchObject([{ run: winners[0]?.run }]);
    // One claim, and no pieces of others.
    expect((await readdir(state)).filter((entry) => !entry.startsWith('run-'))).toHaveLength(1);
  });

  test('is free again when it is removed, and only by the one that has it', async () => {
    const first = await agent('web');
    await claimName(state, first, systemClock);
    removeClaim({ ...first, state, run: 'run-Other1' });
    expect(found('web')).toHaveLength(1);
    removeClaim({ ...first, state });
    expect(found('web')).toEqual([]);
    expect(await readdir(state)).not.toContain(first.run);
  });

  test('is not had by what makes no sense', async () => {
    await claimName(state, await agent('web', false), systemClock);
    const [file = ''] = (await readdir(state)).filter((entry) => !entry.startsWith('run-'));
    for (const text of ['', '{}', '[1]', JSON.stringify({ ...(await agent('web')), run: '../../etc' })]) {
      await writeFile(join(state, file), text);
      expect(found('web'), text).toEqual([]);
    }
    await rm(join(state, file));
    await mkdir(join(state, 'elsewhere'));
    await writeFile(join(state, 'elsewhere', 'x'), JSON.stringify(await agent('web')));
    await symlink('elsewhere/x', join(state, file));
    expect(found('web'), 'a link').toEqual([]);
  });
});

describe('a state folder', () => {
  test('that others may enter, or that is a link, is none', async () => {
    expect(isStateFolder(state, ME)).toBe(true);
    expect(isStateFolder(join(directory, 'nowhere'), ME)).toBe(false);
    await chmod(state, 0o750);
    expect(isStateFolder(state, ME)).toBe(false);
    expect(() => openStateFolder(state, ME)).toThrow('others may enter it');
    await chmod(state, 0o700);
    await rename(state, join(directory, 'real'));
    await symlink('real', state);
    expect(isStateFolder(state, ME)).toBe(false);
    expect(() => openStateFolder(state, ME)).toThrow('is not a folder');
  });

  test.runIf(ME === 0)('of somebody else is none, and neither is one that they could replace', async () => {
    await chown(state, SOMEBODY, SOMEBODY);
    expect(isStateFolder(state, ME)).toBe(false);
    expect(() => openStateFolder(state, ME)).toThrow('belongs to somebody else');
    await chown(state, 0, 0);
    await chmod(directory, 0o777);
    expect(isStateFolder(state, ME)).toBe(false);
    expect(() => openStateFolder(state, ME)).toThrow('no sticky bit');
    await chmod(directory, 0o1777);
    expect(isStateFolder(state, ME)).toBe(true);
    await chown(directory, SOMEBODY, SOMEBODY);
    expect(() => openStateFolder(state, ME)).toThrow('the folder above belongs to somebody else');
  });

  test('is looked for where it may have been made under another TMPDIR, one for each user', () => {
    const places = { uid: 1000, temporaryDirectory: '/job/tmp', home: '/home/me' };
    expect(stateFolders(places)).toEqual([
      '/job/tmp/converge-agents-1000',
      '/tmp/converge-agents-1000',
      '/var/tmp/converge-agents-1000',
      '/dev/shm/converge-agents-1000',
      '/run/converge-agents-1000',
      '/home/me/converge-agents-1000',
    ]);
    expect(stateFolders({ ...places, uid: undefined, home: '' })).toEqual(['/job/tmp/converge-agents']);
  });

  test('loses what dead agents left a day ago, and nothing of those that live', async () => {
    const now = Date.now();
    const [dead, alive, fresh] = [
      await agent('dead', false),
      await agent('alive'),
      await agent('fresh', false),
    ];
    for (const claim of [dead, alive, fresh]) await claimName(state, claim, systemClock);
    await mkdir(join(state, 'run-Orphan'));
    const old = (now - STATE_KEPT_MS - 1_000) / 1_000;
    for (const entry of await readdir(state))
      if (entry !== fresh.run) await utimes(join(state, entry), old, old);
    const claimOfFresh = (await readdir(state)).length;
    await tidyState(state, now);
    expect(claimOfFresh).toBe(7);
    const left = await readdir(state);
    expect(left).toContain(alive.run);
    expect(left).toContain(fresh.run);
    expect(left).not.toContain(dead.run);
    expect(left).not.toContain('run-Orphan');
    expect(found('alive')).toHaveLength(1);
  });
});

describe('the name of a job', () => {
  const gitlab = { GITLAB_CI: 'true', CI_SERVER_URL: 'https://gitlab.example.org', CI_JOB_ID: '77' };

  test('is the same in all steps of a job, and another one in each', () => {
    const name = jobNameFrom(gitlab);
    expect(name).toMatch(/^gitlab-[0-9a-f]{16}$/);
    expect(jobNameFrom({ ...gitlab, PWD: '/elsewhere', CI_JOB_STATUS: 'failed' })).toBe(name);
    expect(jobNameFrom({ ...gitlab, CI_JOB_ID: '78' })).not.toBe(name);
  });

  test('tells two runners of one machine apart, and the attempts of a run', () => {
    const github = {
      GITHUB_ACTIONS: 'true',
      GITHUB_RUN_ID: '1',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_JOB: 'test',
      RUNNER_NAME: 'a',
    };
    const names = [github, { ...github, RUNNER_NAME: 'b' }, { ...github, GITHUB_RUN_ATTEMPT: '2' }].map(
      jobNameFrom,
    );
    expect(new Set(names).size).toBe(3);
  });

  test('is one word where no CI system is known', () => {
    expect(jobNameFrom({ HOME: '/root' })).toBe('default');
  });
});

// The parts of a background agent's state: the kept program, the run folder, the log at both of its ends.
import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { printableLine } from '#shared/text/printable.ts';
import { BackgroundLog, MAX_LOG_BYTES } from '../../../../services/agent/background/background-log.ts';
import {
  keepProgram,
  PROGRAM_KEPT_MS,
  tidyPrograms,
} from '../../../../services/agent/background/kept-program.ts';
import {
  FOLLOW_EVERY_MS,
  followLog,
  printableLogLine,
} from '../../../../services/agent/background/log-follower.ts';
import {
  makeRunFolder,
  readEndRecord,
  runFilesIn,
  writeEndRecord,
} from '../../../../services/agent/background/run-folder.ts';
import { parseBackgroundPlace, parseStartWord } from '../../../../services/agent/background/start-words.ts';
import { POSIX_COMMAND_PLACE } from '../../../../services/agent/platform/posix/posix-command-place.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const ME = process.getuid?.();
/** In milliseconds since the epoch. */
const NOW = Date.UTC(2030, 0, 1);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bg-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the kept program', () => {
  let file: string;

  beforeEach(async () => {
    file = join(directory, 'agent');
    await writeFile(file, 'a program', { mode: 0o755 });
  });

  const keep = (...states: string[]) =>
    keepProgram(
      [file],
      states.map((name) => join(directory, name)),
      ME,
      'agent',
      NOW,
    );

  test('is a copy that stays what it was, one for each version', async () => {
    const kept = await keep('state');
    const copy = kept.words[0] ?? '';
    expect(kept).toEqual({
      kind: 'kept',
      words: [expect.stringMatching(/\/state\/program-[0-9a-f]{16}\/agent$/)],
    });
    const { ino } = await stat(copy);
    expect(await keep('state')).toEqual(kept);
    expect((await stat(copy)).ino).toBe(ino);
    // As by `curl -o`, which writes into the file that is there.
    await writeFile(file, 'another program');
    expect(await readFile(copy, 'utf8')).toBe('a program');
    expect((await keep('state')).words).not.toEqual(kept.words);
    expect(await readdir(join(directory, 'state'))).toHaveLength(2);
  });

  test('is made anew where the copy is another file, of whatever size, or a link to one', async () => {
    const { words } = await keep('state');
    const copy = words[0] ?? '';
    await writeFile(copy, 'b program');
    expect((await keep('state')).words).toEqual(words);
    expect(await readFile(copy, 'utf8')).toBe('a program');
    await rm(copy);
    await symlink(file, copy);
    await keep('state');
    expect((await lstat(copy)).isFile()).toBe(true);
  });

  test('goes when no start has used it for longer than an agent lives', async () => {
    const { words } = await keep('state');
    const state = join(directory, 'state');
    await mkdir(join(state, 'program-of-mine'));
    tidyPrograms(state, NOW + PROGRAM_KEPT_MS - 1);
    expect(await keepProgram(words, [state], ME, 'agent', NOW + 5_000)).toEqual({ kind: 'kept', words });
    tidyPrograms(state, NOW + PROGRAM_KEPT_MS);
    expect(await readdir(state)).toHaveLength(2);
    tidyPrograms(state, NOW + PROGRAM_KEPT_MS + 5_000);
    expect(await readdir(state)).toEqual(['program-of-mine']);
    tidyPrograms(join(directory, 'nowhere'), NOW);
  });

  test('is in the next folder where the first does not take it', async () => {
    await mkdir(join(directory, 'open'), { mode: 0o755 });
    const kept = await keep('open', 'state');
    expect(kept).toEqual({ kind: 'kept', words: [expect.stringMatching(/\/state\/program-/)] });
    expect(await readdir(join(directory, 'open'))).toEqual([]);
  });

  test('is not copied again where it is the copy already', async () => {
    const { words } = await keep('state');
    expect(await keepProgram(words, [join(directory, 'state')], ME, 'agent', NOW)).toEqual({
      kind: 'kept',
      words,
    });
  });

  test('stays where it is if no folder takes it, and if it is more than a file', async () => {
    await writeFile(join(directory, 'full'), '');
    expect(await keep('full')).toEqual({
      kind: 'as_it_is',
      words: [file],
      detail: expect.stringContaining('is not a folder'),
    });
    const several = ['/usr/bin/node', '/x/main.ts'];
    expect(await keepProgram(several, [directory], ME, 'agent', NOW)).toEqual({
      kind: 'kept',
      words: several,
    });
  });
});

describe('the run folder', () => {
  test('is made in the first state folder that will do, for this user alone', async () => {
    const bad = join(directory, 'bad');
    await mkdir(bad);
    await chmod(bad, 0o755);
    const good = join(directory, 'good');
    const made = await makeRunFolder([join(directory, 'no', 'way'), bad, good], ME, POSIX_COMMAND_PLACE);
    if (made.kind !== 'made') expect.fail(made.detail);
    closeSync(made.log);
    expect(made.state).toBe(good);
    for (const path of [good, made.path]) expect((await stat(path)).mode & 0o777, path).toBe(0o700);
    expect((await stat(runFilesIn(made.path).log)).mode & 0o777).toBe(0o600);
    expect(await readdir(made.path)).toEqual(['log']);
    const none = await makeRunFolder([bad], ME, POSIX_COMMAND_PLACE);
    expect(none).toEqual({ kind: 'none', detail: `${bad}: others may enter it` });
  });

  test('keeps how the agent ended, and makes nothing of what is no record', async () => {
    expect(readEndRecord(directory)).toBeUndefined();
    for (const verdict of [{ kind: 'none' }, { kind: 'continue' }, { kind: 'fail', exitCode: 7 }] as const) {
      writeEndRecord(directory, { code: 0, verdict });
      expect(readEndRecord(directory)).toEqual({ code: 0, verdict });
    }
    for (const verdict of [
      { kind: 'fail' },
      { kind: 'fail', exitCode: 0 },
      { kind: 'fail', exitCode: 256 },
      { kind: 'x' },
      'fail',
    ]) {
      await writeFile(runFilesIn(directory).end, JSON.stringify({ code: 0, verdict }));
      expect(readEndRecord(directory), JSON.stringify(verdict)).toBeUndefined();
    }
  });
});

describe('the log', () => {
  test('goes to the starter up to the card, and to the file from then on', async () => {
    const [starter, file] = ['starter', 'file'].map((name) => openSync(join(directory, name), 'w'));
    const gone: string[] = [];
    const log = new BackgroundLog({ starter: starter ?? -1, file: file ?? -1 }, () => gone.push('gone'));
    log.line(printableLine('the card'));
    log.complaint('a complaint');
    log.open();
    log.line(printableLine('later'));
    log.complaint('a later complaint');
    const words = (await readFile(join(directory, 'starter'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map(parseStartWord);
    expect(words).toEqual([
      { kind: 'line', text: 'the card' },
      { kind: 'complaint', text: 'a complaint' },
      { kind: 'open' },
    ]);
    expect(await readFile(join(directory, 'file'), 'utf8')).toBe('later\nagent: a later complaint\n');
    expect(gone).toEqual([]);
    for (const fd of [starter, file]) closeSync(fd ?? -1);
    // Neither is there any more: it goes on.
    log.line(printableLine('last'));
    const deaf = new BackgroundLog({ starter: starter ?? -1, file: file ?? -1 }, () => gone.push('gone'));
    deaf.line(printableLine('the card'));
    expect(gone).toEqual(['gone']);
  });

  test('grows to its limit and no further', async () => {
    const file = openSync(join(directory, 'file'), 'w');
    const log = new BackgroundLog({ starter: file, file }, () => undefined);
    log.open();
    const before = (await stat(join(directory, 'file'))).size;
    const line = printableLine('x'.repeat(4_000));
    for (let count = 0; count < MAX_LOG_BYTES / 4_000 + 10; count += 1) log.line(line);
    closeSync(file);
    const { size } = await stat(join(directory, 'file'));
    expect(size - before).toBeLessThanOrEqual(MAX_LOG_BYTES);
    expect(size - before).toBeGreaterThan(MAX_LOG_BYTES - 5_000);
  });

  test('is read line by line as it grows, with the rest at the end', () => {
    const clock = new ManualClock();
    const path = join(directory, 'log');
    appendFileSync(path, 'one\ntw');
    const lines: string[] = [];
    const log = followLog(path, clock, (line) => lines.push(line));
    expect(lines).toEqual(['one']);
    appendFileSync(path, 'o\nthr');
    clock.advance(FOLLOW_EVERY_MS);
    expect(lines).toEqual(['one', 'two']);
    appendFileSync(path, 'ee\nfo');
    log.stop();
    log.stop();
    expect(lines).toEqual(['one', 'two', 'three', 'fo']);
    expect(clock.pending).toBe(0);
    followLog(join(directory, 'nowhere'), clock, () => expect.fail('a line')).stop();
  });

  test('that is no file any more has no lines, and ends nothing', async () => {
    const clock = new ManualClock();
    await mkdir(join(directory, 'folder'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    await symlink('/etc/passwd', join(directory, 'link'));
    for (const name of ['folder', 'pipe', 'link']) {
      const log = followLog(join(directory, name), clock, () => expect.fail('a line'));
      clock.advance(FOLLOW_EVERY_MS);
      log.stop();
    }
    expect(clock.pending).toBe(0);
  });

  test.each([
    ['converge 14:03:22 UTC: ended', 'converge 14:03:22 UTC: ended'],
    ['::error title=Converge::This job is not open', '::error title=Converge::This job is not open'],
    ['::set-output name=x::y', ':\\u{3a}set-output'],
    ['::error title=Converge::a\u001b]0;x', '\\u{1b}'],
    ['##vso[task.complete]', '#\\u{23}vso'],
  ])('says to a CI system what the agent says, and nothing else: %s', (line, shown) => {
    expect(printableLogLine(line)).toContain(shown);
  });

  test('leaves JSON what it is', () => {
    const event = { event: 'note', text: 'a::b ##vso[x] \u001b', address: '::1' };
    const line = printableLogLine(JSON.stringify(event));
    expect(JSON.parse(line)).toEqual(event);
    expect(line).not.toContain('##');
  });
});

test('what is no word of a start, and no place of an agent, is none', () => {
  for (const line of ['', 'x', '{}', '{"kind":"line"}', '{"kind":"else","text":"x"}']) {
    expect(parseStartWord(line), line).toBeUndefined();
  }
  for (const word of [undefined, '', '{}', '{"name":1}']) expect(parseBackgroundPlace(word)).toBeUndefined();
});

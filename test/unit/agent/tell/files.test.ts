// The files of a CI system that an open job is written to: outputs and summaries.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sshCommand } from '../../../../services/agent/notices/ssh-command.ts';
import { appendLines } from '../../../../services/agent/tell/appended-file.ts';
import { placeFrom } from '../../../../services/agent/tell/card-object.ts';
import { summaryFrom, summaryPlace } from '../../../../services/agent/tell/job-summary.ts';
import { outputsFrom, outputText } from '../../../../services/agent/tell/output-file.ts';
import { CARD_SECRETS, TOLD_CARD } from '../../../support/agent/told-card.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'agent-files-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** As GitHub's runner reads the file (actions/runner, FileCommandManager: SetOutputFileCommand). */
function readOutputs(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line === '') continue;
    const [equals, heredoc] = [line.indexOf('='), line.indexOf('<<')];
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      values[line.slice(0, equals)] = line.slice(equals + 1);
    } else if (heredoc >= 0 && (equals < 0 || heredoc < equals)) {
      const delimiter = line.slice(heredoc + 2);
      const end = lines.indexOf(delimiter);
      if (end < 0) throw new Error(`no end of ${delimiter}`);
      values[line.slice(0, heredoc)] = lines
        .splice(0, end + 1)
        .slice(0, -1)
        .join('\n');
    } else {
      throw new Error(`invalid format: ${line}`);
    }
  }
  return values;
}

describe('outputs', () => {
  test('are six values, and none of them lets in', () => {
    const text = outputsFrom(TOLD_CARD);
    const { id, url, link, fingerprint } = placeFrom(TOLD_CARD);
    expect(readOutputs(text)).toEqual({
      id,
      url,
      link,
      fingerprint,
      ssh: sshCommand(TOLD_CARD.destination),
      sftp: expect.stringContaining('./wsproxy sftp '),
    });
    for (const secret of CARD_SECRETS) expect(text).not.toContain(secret);
  });

  test.each([
    'plain',
    '',
    'a=b',
    'x<<EOF',
    'two\nlines',
    'id=forged\nssh=forged',
    '\n',
    'ends\n',
    '<<EOF\nx\nEOF\nid=forged',
    'no-break \u2028id=forged',
  ])('%j comes back as it was, and brings no other value with it', (value) => {
    const read = readOutputs(outputText({ first: value, id: 'mine' }));
    expect(read).toEqual({ first: value, id: 'mine' });
  });

  test('have a delimiter that is another one each time', () => {
    expect(outputText({ a: 'x\ny' })).not.toBe(outputText({ a: 'x\ny' }));
  });
});

describe('a file that is appended to', () => {
  test('is made, and keeps what is there', () => {
    const path = join(directory, 'out');
    expect(appendLines(path, 'a=1\n')).toBeUndefined();
    expect(appendLines(path, 'b=2\n')).toBeUndefined();
    expect(readFileSync(path, 'utf8')).toBe('a=1\nb=2\n');
  });

  test('gets lines of its own where the last one of somebody else has no end', () => {
    const path = join(directory, 'out');
    writeFileSync(path, 'theirs=1');
    appendLines(path, 'a=1\n');
    expect(readFileSync(path, 'utf8')).toBe('theirs=1\na=1\n');
  });

  test('may be the target of a link, or there to be written only', () => {
    const [path, link] = [join(directory, 'out'), join(directory, 'link')];
    writeFileSync(path, '');
    chmodSync(path, 0o200);
    symlinkSync(path, link);
    expect(appendLines(link, 'a=1\n')).toBeUndefined();
    chmodSync(path, 0o600);
    expect(readFileSync(path, 'utf8')).toBe('a=1\n');
  });

  test('is a word of the file system where it cannot be written, at once', () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(appendLines(pipe, 'a=1\n')).toBe('ENXIO');
    expect(appendLines(directory, 'a=1\n')).toBe('EISDIR');
    expect(appendLines(join(directory, 'none', 'out'), 'a=1\n')).toBe('ENOENT');
    expect(appendLines('/dev/full', 'a=1\n')).toBe('ENOSPC');
    expect(appendLines('a\0b', 'a=1\n')).toBe('ERR_INVALID_ARG_VALUE');
  });
});

describe('the summary', () => {
  test('has the command and the link that lets in nobody', () => {
    const text = summaryFrom(TOLD_CARD);
    expect(text).toContain(`\`\`\`sh\n${sshCommand(TOLD_CARD.destination)}\n\`\`\``);
    expect(text).toContain(`(<${placeFrom(TOLD_CARD).link}>)`);
    expect(text).toContain('until 14:13 UTC (10 minutes)');
    for (const secret of CARD_SECRETS) expect(text).not.toContain(secret);
  });

  test('cannot be left by what a relay calls itself', () => {
    const publicUrl = 'https://relay.example/`)>\n# <script>x</script> [a](b)';
    const text = summaryFrom({ ...TOLD_CARD, destination: { ...TOLD_CARD.destination, publicUrl } });
    expect(text.match(/^#/gm)).toHaveLength(1);
    expect(text).not.toContain('<script');
    expect(text.match(/```/g)).toHaveLength(2);
  });

  test('goes where the CI system says', () => {
    const github = { GITHUB_STEP_SUMMARY: '/work/_temp/summary' };
    expect(summaryPlace('github', 'job', github)).toEqual({
      path: github.GITHUB_STEP_SUMMARY,
      order: undefined,
    });
    expect(summaryPlace('github', 'job', { GITHUB_STEP_SUMMARY: '' })).toBeUndefined();
    expect(summaryPlace('azure', 'job', { AGENT_TEMPDIRECTORY: '/agent/_temp' })).toEqual({
      path: '/agent/_temp/converge-job.md',
      order: '##vso[task.uploadsummary]/agent/_temp/converge-job.md',
    });
    expect(summaryPlace('azure', 'job', { AGENT_TEMPDIRECTORY: '/a\n##vso[task.complete]' })).toBeUndefined();
    expect(summaryPlace('gitlab', 'job', { AGENT_TEMPDIRECTORY: '/tmp' })).toBeUndefined();
  });
});

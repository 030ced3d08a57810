// Lines of a background agent's log, which whoever is in the job may have written into.
import { describe, expect, test } from 'vitest';
import { jsonLineFrom } from '#shared/text/json-line.ts';
import { printableLogLine } from '../../../../services/agent/background/log-follower.ts';
import { eventObjectFrom } from '../../../../services/agent/tell/event-object.ts';
import { LOG_EVENTS } from '../../../support/agent/log-events.ts';

describe('a line of the log', () => {
  test.each(LOG_EVENTS)('is JSON as it was: $kind', (event) => {
    const line = jsonLineFrom(eventObjectFrom(event, 0));
    expect(JSON.parse(printableLogLine(line))).toEqual(JSON.parse(line));
  });

  test('is not cut where it is JSON, and gives no orders there either', () => {
    const long = { text: 'x'.repeat(10_000) };
    expect(JSON.parse(printableLogLine(JSON.stringify(long)))).toEqual(long);
    expect(printableLogLine('{"a":"##vso[task.complete]","b":"::error::"}')).not.toMatch(/##|::/);
  });

  test.each([
    '::notice title=Converge::This job is open',
    '::error title=Converge::x',
    '##vso[task.uploadsummary]/agent/_temp/converge-job.md',
    '##vso[task.logissue type=warning]This job is not open for SSH: no',
  ])('%s is an order of the agent', (line) => {
    expect(printableLogLine(line)).toBe(line);
  });

  test.each([
    '::set-output name=a::xyz',
    '::notice title=Converge::a ##[error]b',
    '##vso[task.complete result=Failed]',
    '##vso[task.logissue type=error]x',
    '##vso[task.uploadsummary]/x ##vso[task.complete]',
    ' ##vso[task.uploadsummary]/x',
  ])('%s is none', (line) => {
    expect(printableLogLine(line)).not.toMatch(/##|::/);
  });
});

// The page of the audit and its schema, held against the code.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  AUDIT_PAGE,
  AUDIT_SCHEMA,
  renderAuditPage,
  renderAuditSchema,
} from '../../../deploy/build/pages/audit-page.ts';
import { AUDIT_LINES } from '../../../deploy/build/pages/audit-schema.ts';
import { JOB_RECORDS } from '../../../deploy/build/pages/job-schema.ts';
import { AUDIT_EVENTS } from '../../../services/relay/audit/audit-event.ts';
import { readAuditLines } from '../../support/audit/audit-file.ts';

const page = readFileSync(AUDIT_PAGE, 'utf8');
const schema = JSON.parse(readFileSync(AUDIT_SCHEMA, 'utf8')) as z.core.JSONSchema.JSONSchema;

test('tables and schema are those of the code (node deploy/build/pages/audit-page.ts writes them)', () => {
  expect(page).toContain('#### `session_ended`');
  expect(renderAuditPage(page)).toBe(page);
  expect(renderAuditSchema()).toBe(readFileSync(AUDIT_SCHEMA, 'utf8'));
});

test('every event has a part of the page, a field of each a row, and all have a meaning', () => {
  expect(Object.keys(AUDIT_LINES).sort()).toEqual([...AUDIT_EVENTS].sort());
  for (const [part, events] of [
    [partOf('events'), AUDIT_LINES],
    [partOf('records'), JOB_RECORDS],
  ] as const) {
    const [head = '', ...sections] = part.split('#### ');
    for (const [event, { shape }] of Object.entries(events)) {
      const own = sections.find((section) => section.startsWith(`\`${event}\`\n`)) ?? '';
      expect(own, event).toContain('| field |');
      for (const name of Object.keys(shape)) expect(`${head}${own}`, event).toContain(`| \`${name}\` |`);
    }
  }
  expect(page).not.toMatch(/\| \s*\|$/m);
});

test('the examples of the page are lines, by the code and by the schema that others read', () => {
  const [, examples = ''] = /```json\n([^]*?)```/.exec(page) ?? [];
  const lines = readAuditLines(examples);
  expect(lines.length).toBeGreaterThan(3);
  const published = z.fromJSONSchema(schema);
  for (const line of lines) {
    published.parse(line);
    // A newer relay may say more, and no less.
    published.parse({ ...line, more: true });
    expect(published.safeParse({ ...line, time: undefined }).success).toBe(false);
    expect(published.safeParse({ ...line, event: 'unheard_of' }).success).toBe(false);
  }
});

/** What stands between two markers. */
function partOf(name: string): string {
  return new RegExp(`<!-- ${name}: [^>]*-->([^]*?)<!-- end -->`).exec(page)?.[1] ?? '';
}

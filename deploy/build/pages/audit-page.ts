// The tables of docs/audit.md, and docs/audit.schema.json. Run directly, this file writes both.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../source-tree.ts';
import { AUDIT_LINE, AUDIT_LINES, LINE_HEAD } from './audit-schema.ts';
import { JOB_RECORD, JOB_RECORDS, RECORD_HEAD } from './job-schema.ts';
import { replaceMarkedPart } from './marked-part.ts';
import { eventTables, openSchemaOf } from './schema-table.ts';

export const AUDIT_PAGE = join(ROOT, 'docs/audit.md');
export const AUDIT_SCHEMA = join(ROOT, 'docs/audit.schema.json');

/** `text` with the tables between its markers as the schemas have them. */
export function renderAuditPage(text: string): string {
  const lines = replaceMarkedPart(text, 'events', eventTables(AUDIT_LINES, LINE_HEAD));
  return replaceMarkedPart(lines, 'records', eventTables(JOB_RECORDS, RECORD_HEAD));
}

/** A line; what its field `text` stands for is in `$defs`. A field more is no fault: a newer relay may have it. */
export function renderAuditSchema(): string {
  const { $schema, ...line } = openSchemaOf(AUDIT_LINE);
  const { $schema: _same, ...record } = openSchemaOf(JOB_RECORD);
  const title = 'A line of the audit of a Converge relay';
  return `${JSON.stringify({ $schema, title, ...line, $defs: { record } }, undefined, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(AUDIT_PAGE, renderAuditPage(readFileSync(AUDIT_PAGE, 'utf8')));
  writeFileSync(AUDIT_SCHEMA, renderAuditSchema());
}

// The tables of docs/audit.md, and docs/audit.schema.json. Run directly, this file writes both.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../source-tree.ts';
import { AUDIT_LINE, AUDIT_LINES, LINE_HEAD } from './audit-schema.ts';
import { JOB_RECORD, JOB_RECORDS, RECORD_HEAD } from './job-schema.ts';
import { replaceMarkedPart } from './marked-part.ts';

export const AUDIT_PAGE = join(ROOT, 'docs/audit.md');
export const AUDIT_SCHEMA = join(ROOT, 'docs/audit.schema.json');

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** `text` with the tables between its markers as the schemas have them. */
export function renderAuditPage(text: string): string {
  const lines = replaceMarkedPart(text, 'events', tablesOf(AUDIT_LINES, LINE_HEAD));
  return replaceMarkedPart(lines, 'records', tablesOf(JOB_RECORDS, RECORD_HEAD));
}

/** A line; what its field `text` stands for is in `$defs`. A field more is no fault: a newer relay may have it. */
export function renderAuditSchema(): string {
  const { $schema, ...line } = jsonSchemaOf(AUDIT_LINE);
  const { $schema: _same, ...record } = jsonSchemaOf(JOB_RECORD);
  const title = 'A line of the audit of a Converge relay';
  return `${JSON.stringify({ $schema, title, ...line, $defs: { record } }, undefined, 2)}\n`;
}

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    override({ jsonSchema }) {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
}

function tablesOf(events: Readonly<Record<string, z.ZodObject>>, head: z.ZodRawShape): string {
  const common = rowsOf(z.object(head)).map(([name, type, what]) => `| \`${name}\` | ${type} | ${what} |`);
  const parts = Object.entries(events).map(([event, schema]) => {
    const own = rowsOf(schema).filter(([name]) => !Object.hasOwn(head, name) && name !== 'event');
    const rows = own.map(([name, type, what]) => `| \`${name}\` | ${type} | ${what} |`);
    return [`#### \`${event}\``, '', schema.description ?? '', '', ...HEADING, ...rows].join('\n');
  });
  return `\n${[[...HEADING, '| `event` | text | which of those below |', ...common].join('\n'), ...parts].join('\n\n')}\n\n`;
}

const HEADING = ['| field | type | meaning |', '| --- | --- | --- |'];

function rowsOf(schema: z.ZodObject): readonly (readonly [string, string, string])[] {
  const { properties = {}, required = [] } = jsonSchemaOf(schema);
  return Object.entries(properties).map(([name, property]) => {
    const about = typeof property === 'boolean' ? {} : property;
    const left = required.includes(name) ? '' : ', may be left out';
    return [name, `${typeOf(about)}${left}`, about.description ?? ''];
  });
}

/** In few words. */
function typeOf({ type, const: only, enum: words, format, properties }: JsonSchema): string {
  if (only !== undefined) return `\`${JSON.stringify(only)}\``;
  if (words !== undefined)
    return words.length > MAX_LISTED_WORDS ? 'word' : words.map((word) => `\`${word}\``).join(' ');
  if (format === 'date-time') return 'ISO 8601';
  if (properties !== undefined)
    return `object: ${Object.keys(properties)
      .map((name) => `\`${name}\``)
      .join(' ')}`;
  return TYPE_WORDS[String(type)] ?? String(type);
}

const MAX_LISTED_WORDS = 8;

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'boolean',
  array: 'list',
  object: 'object',
};

if (import.meta.main) {
  writeFileSync(AUDIT_PAGE, renderAuditPage(readFileSync(AUDIT_PAGE, 'utf8')));
  writeFileSync(AUDIT_SCHEMA, renderAuditSchema());
}

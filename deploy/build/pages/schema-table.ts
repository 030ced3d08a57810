// Tables of a page that are made from a schema: a row for each field.
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The schema for others. A field more is no fault: a newer program may have it. */
export function openSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    override({ jsonSchema }) {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
}

/** A heading for each event, with a table of its own fields; before them the fields of `head`, which all have. */
export function eventTables(events: Readonly<Record<string, z.ZodObject>>, head: z.ZodRawShape): string {
  const parts = Object.entries(events).map(([event, schema]) => {
    const own = rowsOf(schema).filter(([name]) => !Object.hasOwn(head, name) && name !== 'event');
    const table = own.length === 0 ? [] : ['', ...HEADING, ...own.map(rowText)];
    return [`#### \`${event}\``, '', schema.description ?? '', ...table].join('\n');
  });
  const common = [
    ...HEADING,
    '| `event` | text | which of those below |',
    ...rowsOf(z.object(head)).map(rowText),
  ];
  return `\n${[common.join('\n'), ...parts].join('\n\n')}\n\n`;
}

/** The table of one object. */
export function fieldTable(schema: z.ZodObject): string {
  return `\n${[...HEADING, ...rowsOf(schema).map(rowText)].join('\n')}\n\n`;
}

const HEADING = ['| field | type | meaning |', '| --- | --- | --- |'];

type Row = readonly [name: string, type: string, what: string];

function rowText([name, type, what]: Row): string {
  return `| \`${name}\` | ${type} | ${what} |`;
}

function rowsOf(schema: z.ZodObject): readonly Row[] {
  const { properties = {}, required = [] } = openSchemaOf(schema);
  return Object.entries(properties).map(([name, property]) => {
    const about = typeof property === 'boolean' ? {} : property;
    const left = required.includes(name) ? '' : ', may be left out';
    return [name, `${typeOf(about)}${left}`, about.description ?? ''];
  });
}

/** In few words. */
function typeOf({ type, const: only, enum: words, format, properties, oneOf }: JsonSchema): string {
  if (only !== undefined) return `\`${JSON.stringify(only)}\``;
  if (words !== undefined)
    return words.length > MAX_LISTED_WORDS ? 'word' : words.map((word) => `\`${word}\``).join(' ');
  if (format === 'date-time') return 'ISO 8601';
  if (properties !== undefined)
    return `object: ${Object.keys(properties)
      .map((name) => `\`${name}\``)
      .join(' ')}`;
  return oneOf === undefined ? (TYPE_WORDS[String(type)] ?? String(type)) : 'object';
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

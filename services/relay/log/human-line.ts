// Human lines: a line of the log as a person reads it on a terminal; everywhere else it stays JSON.
import { parseRecord } from '#shared/text/json-record.ts';
import { printableLine } from '#shared/text/printable.ts';

/** Of pino's levels, those that a person should notice. */
const WARNING = 40;
const ERROR = 50;

/** The same on every line, or said in another way. */
const LEFT_OUT: ReadonlySet<string> = new Set(['level', 'time', 'pod', 'msg']);

/** "14:03:22 UTC agent linked  id=build-7 address=127.0.0.1" and a line end; what is no JSON stays as it is. */
export function humanLine(line: string): string {
  const record = parseRecord(line);
  if (record === undefined) return line;
  const { level, time, msg } = record;
  const at = typeof time === 'number' ? `${new Date(time).toISOString().slice(11, 19)} UTC ` : '';
  const fields = Object.entries(record)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, value]) => `${name}=${textOf(value)}`);
  const said = `${at}${severity(level)}${typeof msg === 'string' ? msg : ''}`;
  return `${printableLine([said, ...(fields.length === 0 ? [] : ['', ...fields])].join(' '))}\n`;
}

function severity(level: unknown): string {
  if (typeof level !== 'number' || level < WARNING) return '';
  return level < ERROR ? 'warning: ' : 'error: ';
}

/** A word stands as it is; a fault is its message. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[^\s="]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'object' && value !== null && 'message' in value) return JSON.stringify(value.message);
  return JSON.stringify(value);
}

// An audit line: one event as JSON, with when and where it was.
import { MAX_AUDIT_TEXT_LENGTH } from '#shared/protocol/audit.ts';
import { printableJson } from '#shared/text/printable.ts';
import type { AuditEvent } from './audit-event.ts';

/** Raised when a field goes or changes its meaning; not for one that is added. */
export const AUDIT_VERSION = 1;

/** Longer text in a line is cut, in characters; what an agent signed is not. */
export const MAX_LINE_TEXT_LENGTH = 1_024;

/** More entries of a list or a record are left out. */
export const MAX_LINE_ENTRIES = 256;

/** No line is longer, in bytes: what is, for all that, is left out but for the name of its event. */
export const MAX_AUDIT_LINE_BYTES = 64 * 1024;

/** The line of `event`, with a line feed. `audit` tells it apart from the lines of the log. */
export function auditLineOf(event: AuditEvent, { pod, at }: { pod: string; at: number }): string {
  const head = { audit: true, v: AUDIT_VERSION, time: new Date(at).toISOString(), pod };
  const line = format({ ...head, ...event });
  return Buffer.byteLength(line) <= MAX_AUDIT_LINE_BYTES ? line : format({ ...head, event: event.event });
}

function format(fields: Readonly<Record<string, unknown>>): string {
  return `${printableJson(JSON.stringify(fields, bounded))}\n`;
}

function bounded(name: string, value: unknown): unknown {
  const most = name === 'text' ? MAX_AUDIT_TEXT_LENGTH : MAX_LINE_TEXT_LENGTH;
  if (typeof value === 'string' && value.length > most) return `${value.slice(0, most - 1)}…`;
  if (Array.isArray(value)) return value.slice(0, MAX_LINE_ENTRIES);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  return entries.length > MAX_LINE_ENTRIES ? Object.fromEntries(entries.slice(0, MAX_LINE_ENTRIES)) : value;
}

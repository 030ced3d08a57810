// The tables of docs/agent-events.md, and docs/agent-events.schema.json. Run directly, this file writes both.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_EXIT_CODES, EXIT_CODE_MEANINGS } from '../../../services/agent/command-line/exit-code.ts';
import { END_REASONS } from '../../../services/agent/expiry/end-reason.ts';
import { ROOT } from '../source-tree.ts';
import { AGENT_EVENT, AGENT_EVENTS, AGENT_NOTICE, EVENT_HEAD } from './agent-event-schema.ts';
import { replaceMarkedPart } from './marked-part.ts';
import { eventTables, fieldTable, openSchemaOf } from './schema-table.ts';

export const AGENT_EVENT_PAGE = join(ROOT, 'docs/agent-events.md');
export const AGENT_EVENT_SCHEMA = join(ROOT, 'docs/agent-events.schema.json');

/** `text` with the tables between its markers as the code has them. */
export function renderAgentEventPage(text: string): string {
  const parts: Readonly<Record<string, string>> = {
    events: eventTables(AGENT_EVENTS, EVENT_HEAD),
    notice: fieldTable(AGENT_NOTICE),
    reasons: reasonTable(),
    'exit codes': exitCodeTable(),
  };
  return Object.entries(parts).reduce((page, [part, table]) => replaceMarkedPart(page, part, table), text);
}

/** A line of `--json`; the body of a webhook is in `$defs`. A field more is no fault: a newer agent may have it. */
export function renderAgentEventSchema(): string {
  const { $schema, ...line } = openSchemaOf(AGENT_EVENT);
  const { $schema: _same, ...notice } = openSchemaOf(AGENT_NOTICE);
  const title = 'A line of a Converge agent with --json';
  return `${JSON.stringify({ $schema, title, ...line, $defs: { notice } }, undefined, 2)}\n`;
}

function reasonTable(): string {
  const rows = Object.entries(END_REASONS).map(([reason, words]) => `| \`${reason}\` | ${words} |`);
  return `\n${['| reason | meaning |', '| --- | --- |', ...rows].join('\n')}\n\n`;
}

function exitCodeTable(): string {
  const rows = Object.entries(AGENT_EXIT_CODES).map(
    ([name, code]) =>
      `| ${code} | \`${name}\` | ${EXIT_CODE_MEANINGS[name as keyof typeof AGENT_EXIT_CODES]} |`,
  );
  const fault = '| 1 | `fault` | a fault of its own |';
  const table = ['| code | name | meaning |', '| --- | --- | --- |', ...rows.toSpliced(1, 0, fault)];
  return `\n${table.join('\n')}\n\n`;
}

if (import.meta.main) {
  writeFileSync(AGENT_EVENT_PAGE, renderAgentEventPage(readFileSync(AGENT_EVENT_PAGE, 'utf8')));
  writeFileSync(AGENT_EVENT_SCHEMA, renderAgentEventSchema());
}

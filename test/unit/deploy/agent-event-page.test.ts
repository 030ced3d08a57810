// What an agent tells programs, held against the published schema and the page.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { jsonLineFrom } from '#shared/text/json-line.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import {
  AGENT_EVENT_PAGE,
  AGENT_EVENT_SCHEMA,
  renderAgentEventPage,
  renderAgentEventSchema,
} from '../../../deploy/build/pages/agent-event-page.ts';
import { AGENT_EVENT, AGENT_EVENTS } from '../../../deploy/build/pages/agent-event-schema.ts';
import { AGENT_EXIT_CODES } from '../../../services/agent/command-line/exit-code.ts';
import { END_REASONS, type EndReason } from '../../../services/agent/expiry/end-reason.ts';
import { cardObjectFrom } from '../../../services/agent/tell/card-object.ts';
import { AGENT_EVENT_NAMES, eventObjectFrom } from '../../../services/agent/tell/event-object.ts';
import { LOG_EVENTS } from '../../support/agent/log-events.ts';
import { TOLD_CARD } from '../../support/agent/told-card.ts';

const NOW = TOLD_CARD.now;
const page = readFileSync(AGENT_EVENT_PAGE, 'utf8');
const published = z.fromJSONSchema(
  JSON.parse(readFileSync(AGENT_EVENT_SCHEMA, 'utf8')) as z.core.JSONSchema.JSONSchema,
);

/** As a program reads it. */
function read(line: string): Record<string, unknown> {
  return { ...parseRecord(line) };
}

const cards = [
  TOLD_CARD,
  { ...TOLD_CARD, hasTerminal: false, linkSecret: undefined, entry: { kind: 'chosen_password' } as const },
].map((card) => read(jsonLineFrom(cardObjectFrom(card))));
const lines = [...cards, ...LOG_EVENTS.map((event) => read(jsonLineFrom(eventObjectFrom(event, NOW))))];

test('tables and schema are those of the code (node deploy/build/pages/agent-event-page.ts writes them)', () => {
  expect(page).toContain('#### `client_joined`');
  expect(renderAgentEventPage(page)).toBe(page);
  expect(renderAgentEventSchema()).toBe(readFileSync(AGENT_EVENT_SCHEMA, 'utf8'));
});

describe('the published schema', () => {
  test('has a form for each event, and an event for each form', () => {
    expect(Object.keys(AGENT_EVENTS).sort()).toEqual([...AGENT_EVENT_NAMES].sort());
    expect(new Set(lines.map(({ event }) => event))).toEqual(new Set(AGENT_EVENT_NAMES));
  });

  test.each(lines)('takes $event, and has all of its fields', (line) => {
    published.parse(line);
    // Nothing is told that the page does not have.
    AGENT_EVENT.parse(line);
  });

  test.each(lines)('refuses $event with a field less, of another type, or another name', (line) => {
    const { shape } = AGENT_EVENTS[line['event'] as keyof typeof AGENT_EVENTS];
    for (const [name, field] of Object.entries(shape as z.ZodRawShape)) {
      const { [name]: _gone, ...rest } = line;
      if (!z.safeParse(field as z.ZodType, undefined).success) {
        expect(published.safeParse(rest).success, `without ${name}`).toBe(false);
      }
      expect(published.safeParse({ ...line, [name]: [] }).success, `${name}: []`).toBe(false);
    }
    expect(published.safeParse({ ...line, event: 'unheard_of' }).success).toBe(false);
    expect(published.safeParse({ ...line, time: '14:03:22 UTC' }).success).toBe(false);
    // A newer agent may say more.
    published.parse({ ...line, more: true });
  });

  test('takes the examples of the page', () => {
    const [, examples = ''] = /```json\n([^]*?)```/.exec(page) ?? [];
    const shown = examples.trim().split('\n').map(read);
    expect(shown.map(({ event }) => event)).toEqual(['card', 'client_joined', 'client_left', 'ended']);
    for (const line of shown) published.parse(line);
  });
});

describe('the page', () => {
  test('has a table of each event, and a meaning of each field', () => {
    for (const [event, { shape }] of Object.entries(AGENT_EVENTS)) {
      const own = page.split('#### ').find((section) => section.startsWith(`\`${event}\`\n`)) ?? '';
      expect(own, event).not.toBe('');
      const rows = Object.keys(shape).filter((name) => !['event', 'time', 'text'].includes(name));
      for (const name of rows) expect(own, event).toContain(`| \`${name}\` |`);
    }
    expect(page).not.toMatch(/\| \s*\|$/m);
  });

  test('names every reason and every exit code', () => {
    for (const reason of Object.keys(END_REASONS) as EndReason[]) {
      expect(page).toContain(`| \`${reason}\` | ${END_REASONS[reason]} |`);
    }
    for (const [name, code] of Object.entries(AGENT_EXIT_CODES))
      expect(page).toContain(`| ${code} | \`${name}\` |`);
  });
});

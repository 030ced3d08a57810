// Control messages: what is read back, what is refused, and that nothing throws.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_AUDIT_BASE64_LENGTH, MAX_AUDIT_TEXT_LENGTH } from '#shared/protocol/audit.ts';
import {
  type AgentMessage,
  formatMessage,
  MAX_CONTROL_BYTES,
  parseAgentMessage,
  parseRelayMessage,
  RESUMPTION_OUTCOMES,
  type RelayMessage,
} from '#shared/protocol/control-messages.ts';
import { MAX_PASS_CHARACTERS } from '#shared/protocol/identity.ts';

const WELCOME = {
  type: 'welcome',
  id: 'x',
  epoch: 1,
  pod: 'pod-a',
  publicUrl: 'https://relay.test',
  grant: 'g',
  pass: 'p',
  lifetimeMs: 3_600_000,
  audit: true,
  terminal: true,
} as const;
const SAID = {
  type: 'audit',
  seq: 7,
  text: '{"v":1}',
  signature: 'U1NIU0lH',
  hostKey: 'AAAA',
} as const;
const DIAL = { type: 'dial', ticket: 't', client: '192.0.2.1', resumable: true } as const;
const STATUS = { type: 'status', clients: 2, detached: 1, expiresAt: 1_700_000_000_000 } as const;

const word = fc.string({ maxLength: 1024 });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const relayMessage: fc.Arbitrary<RelayMessage> = fc.oneof(
  fc.record({
    type: fc.constant('welcome'),
    id: word,
    epoch: count,
    pod: word,
    publicUrl: word,
    grant: word,
    pass: word,
    lifetimeMs: count,
    audit: fc.boolean(),
    terminal: fc.boolean(),
  }),
  fc.record({ type: fc.constant('grant'), grant: word }),
  fc.record({ type: fc.constant('dial'), ticket: word, client: fc.ipV4(), resumable: fc.boolean() }),
  fc.record({ type: fc.constant('goaway'), reason: word, seconds: count }),
  fc.record({ type: fc.constant('audit_taken'), seq: count }),
);
const agentMessage: fc.Arbitrary<AgentMessage> = fc.oneof(
  fc.record({ type: fc.constant('status'), clients: count, detached: count, expiresAt: count }),
  fc.record({
    type: fc.constant('resumption'),
    outcome: fc.constantFrom(...RESUMPTION_OUTCOMES),
    afterMs: count,
  }),
);

describe.each([
  ['a relay', parseRelayMessage, relayMessage],
  ['an agent', parseAgentMessage, agentMessage],
] as const)('messages of %s', (_, parse, message) => {
  test('every message is read back', () => {
    fc.assert(
      fc.property(message as fc.Arbitrary<RelayMessage | AgentMessage>, (sent) => {
        expect(parse(formatMessage(sent))).toEqual({ kind: 'message', message: sent });
      }),
    );
  });

  test('nothing that can be sent throws', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record({
          type: fc.constantFrom(
            'welcome',
            'dial',
            'goaway',
            'status',
            'resumption',
            '__proto__',
            'constructor',
          ),
          id: fc.anything(),
          epoch: fc.anything(),
          clients: fc.anything(),
        })
        .map((value) => safeStringify(value)),
    );
    fc.assert(
      fc.property(text, (sent) => {
        const received = parse(sent);
        expect(['message', 'unknown', 'malformed']).toContain(received.kind);
        if (received.kind === 'unknown') expect(received.type.length).toBeLessThanOrEqual(64);
        if (received.kind === 'malformed') expect(received.detail.length).toBeLessThan(100);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    '',
    '{',
    'null',
    '1',
    '"x"',
    '[]',
    '[{"type":"dial"}]',
    'true',
    '{}',
    '{"type":1}',
    '{"type":null}',
  ])('%s is malformed', (text) => {
    expect(parse(text).kind).toBe('malformed');
  });

  test('a type of another version is unknown, and its name is cut', () => {
    expect(parse(JSON.stringify({ type: 'n'.repeat(200) }))).toEqual({
      kind: 'unknown',
      type: 'n'.repeat(64),
    });
    expect(parse('{"type":"toString"}')).toEqual({ kind: 'unknown', type: 'toString' });
  });
});

test('fields of another version are ignored', () => {
  expect(parseRelayMessage(JSON.stringify({ ...DIAL, priority: 'high' }))).toEqual({
    kind: 'message',
    message: DIAL,
  });
});

test('a dial without the resumable flag is of an older relay, and not resumable', () => {
  const { resumable: _, ...older } = DIAL;
  expect(parseRelayMessage(JSON.stringify(older))).toEqual({
    kind: 'message',
    message: { ...DIAL, resumable: false },
  });
});

test('an address in the form of an older relay is read in its one form', () => {
  expect(parseRelayMessage(JSON.stringify({ ...DIAL, client: '[2001:DB8::1]:5678' }))).toEqual({
    kind: 'message',
    message: { ...DIAL, client: '2001:db8::1' },
  });
});

test('an outcome of a newer agent is ignored like a type of it', () => {
  const text = JSON.stringify({ type: 'resumption', outcome: 'moved', afterMs: 1 });
  expect(parseAgentMessage(text)).toEqual({ kind: 'unknown', type: 'resumption' });
});

test('an agent cannot send what a relay sends, nor the other way round', () => {
  expect(parseAgentMessage(formatMessage(WELCOME))).toEqual({ kind: 'unknown', type: 'welcome' });
  expect(parseRelayMessage(formatMessage(STATUS))).toEqual({ kind: 'unknown', type: 'status' });
});

test.each([
  [{ ...WELCOME, id: 7 }, 'id'],
  [{ ...WELCOME, id: 'x'.repeat(1025) }, 'id'],
  [{ ...WELCOME, epoch: -1 }, 'epoch'],
  [{ ...WELCOME, epoch: 1.5 }, 'epoch'],
  [{ ...WELCOME, epoch: 2 ** 53 }, 'epoch'],
  [{ ...WELCOME, epoch: '1' }, 'epoch'],
  [{ ...WELCOME, publicUrl: undefined }, 'publicUrl'],
  [{ ...WELCOME, grant: 7 }, 'grant'],
  [{ type: 'grant' }, 'grant'],
  [{ ...DIAL, resumable: 'yes' }, 'resumable'],
  [{ ...DIAL, client: 'somewhere' }, 'client'],
  [{ ...DIAL, client: 'x'.repeat(1025) }, 'client'],
  [{ ...WELCOME, audit: 'yes' }, 'audit'],
  [{ type: 'goaway', reason: 'restart' }, 'seconds'],
  [{ type: 'audit_taken', seq: -1 }, 'seq'],
])('%j is malformed: %s', (message, field) => {
  const received = parseRelayMessage(JSON.stringify(message));
  expect(received).toMatchObject({ kind: 'malformed', detail: expect.stringContaining(field) as unknown });
});

test.each([
  [{ ...STATUS, clients: -1 }, 'clients'],
  [{ ...STATUS, detached: null }, 'detached'],
  [{ ...STATUS, expiresAt: 1e300 }, 'expiresAt'],
  [{ type: 'resumption', outcome: 'resumed', afterMs: -1 }, 'afterMs'],
  [{ type: 'resumption', outcome: 1, afterMs: 1 }, 'outcome'],
  [{ ...SAID, seq: '7' }, 'seq'],
  [{ ...SAID, text: '[]' }, 'text'],
  [{ ...SAID, text: 'not JSON' }, 'text'],
  [{ ...SAID, text: JSON.stringify({ x: 'x'.repeat(MAX_AUDIT_TEXT_LENGTH) }) }, 'text'],
  [{ ...SAID, signature: '' }, 'signature'],
  [{ ...SAID, signature: 'a b' }, 'signature'],
  [{ ...SAID, hostKey: 'A'.repeat(MAX_AUDIT_BASE64_LENGTH + 1) }, 'hostKey'],
])('%j is malformed: %s', (message, field) => {
  const received = parseAgentMessage(JSON.stringify(message));
  expect(received).toMatchObject({ kind: 'malformed', detail: expect.stringContaining(field) as unknown });
});

test('the largest message of each kind that a relay sends fits', () => {
  const longest = formatMessage({
    ...WELCOME,
    id: 'x'.repeat(128),
    pod: 'p'.repeat(253),
    grant: 'g'.repeat(512),
    pass: 'p'.repeat(MAX_PASS_CHARACTERS),
    lifetimeMs: Number.MAX_SAFE_INTEGER,
    publicUrl: `https://${'h'.repeat(253)}`,
  });
  expect(Buffer.byteLength(longest)).toBeLessThanOrEqual(MAX_CONTROL_BYTES);
});

function safeStringify(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // BigInt and cycles, which fast-check makes too.
    return '{}';
  }
}

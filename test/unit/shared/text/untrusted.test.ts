// Untrusted text: the types refuse it where a plain string is asked for, and what makes a string of it all the same is shown text.
import { describe, expect, test } from 'vitest';
import { parseRefusal } from '#shared/protocol/refusals.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import type { PrintableLine } from '#shared/text/printable.ts';
import { shown, Untrusted } from '#shared/text/untrusted.ts';
import type { AgentSurroundings } from '../../../../services/agent/agent.ts';
import type { LogEvent } from '../../../../services/agent/notices/log-line.ts';

const RAW = '\u001b[2J##vso[x]';
const SHOWN = String.raw`\u{1b}[2J#\u{23}vso[x]`;
const text = new Untrusted(RAW);

/** As `report` in the programs: a line for a person. */
function report(line: string): string {
  return line;
}

// Each of these is an offence that tsc refuses; should it stop to, it says that the expectation is not met.
const OFFENCES: readonly (() => unknown)[] = [
  // @ts-expect-error: it is no string
  () => report(text),
  // @ts-expect-error: nor is what a refusal says
  () => report(parseRefusal('{"code":"draining"}')?.message ?? ''),
  // @ts-expect-error: nor what a close frame says
  (end: StreamEnd = { reason: 'fault', detail: text }) => report(end.detail ?? ''),
  // @ts-expect-error: it has no methods of a string
  () => text.slice(0, 3),
  // @ts-expect-error: the job log takes no name raw
  (): LogEvent => ({ kind: 'relay_back', pod: RAW }),
  // @ts-expect-error: and no user
  (): LogEvent => ({ kind: 'refused', address: '::1', user: RAW, reason: text, attempt: 1 }),
  // @ts-expect-error: the job log takes no line that was not made printable
  (around: Pick<AgentSurroundings, 'print'> = { print: () => undefined }) => around.print(RAW),
  // @ts-expect-error: nor does a template make one
  (): PrintableLine => `converge: ${RAW}`,
];

describe('untrusted text', () => {
  test('is refused by the types', () => {
    expect(OFFENCES).toHaveLength(8);
  });

  test('is shown text in whatever makes a string of it', () => {
    // oxlint-disable-next-line restrict-template-expressions -- the linter refuses it, as it should
    expect(`${text}`).toBe(SHOWN);
    expect([shown(text), shown('ours')]).toEqual([SHOWN, 'ours']);
    expect([text].join()).toBe(SHOWN);
    expect(JSON.stringify({ text })).toBe(JSON.stringify({ text: SHOWN }));
    expect(text.printable(9)).toBe(String.raw`\u{1b}[2…`);
    expect(Object.values(text)).toEqual([]);
  });

  test('can be compared and parsed', () => {
    expect([text.is(RAW), text.is(SHOWN)]).toEqual([true, false]);
    expect(text.rawTextToParse()).toBe(RAW);
  });

  test('is read from bytes that need not be text', () => {
    expect(Untrusted.fromBytes(Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff])).rawTextToParse()).toBe(
      '\ufeffa\ufffd',
    );
  });
});

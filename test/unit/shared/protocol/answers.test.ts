// Refusals, close reasons, subprotocols and claims: the small tables of the protocol.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createClaim, hashClaim, isClaim } from '#shared/protocol/claim.ts';
import { CLOSE_REASONS, type CloseReason, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import { parseRefusal, REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { AGENT_CONTROL, parseSubprotocols, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { asJson } from '../../../support/text/as-json.ts';

const codes = Object.keys(REFUSALS) as RefusalCode[];
const reasons = Object.keys(CLOSE_REASONS) as CloseReason[];

describe('refusals', () => {
  test.each([
    ['invalid_id', 400],
    ['unauthorized', 401],
    ['agent_not_found', 404],
    ['id_taken', 409],
    ['upgrade_required', 426],
    ['rate_limited', 429],
    ['draining', 503],
    ['agent_unresponsive', 504],
  ] as const)('%s is %d', (code, status) => {
    expect(REFUSALS[code].status).toBe(status);
  });

  test.each(codes)('%s is read back', (code) => {
    expect(asJson(parseRefusal(JSON.stringify({ code, message: 'why' })))).toEqual({ code, message: 'why' });
  });

  test('what answered is not taken for a relay unless it is one', () => {
    for (const body of [
      '',
      '<html>',
      'null',
      '7',
      '[]',
      '{}',
      '{"code":"teapot"}',
      '{"code":"toString","message":"x"}',
      '{"code":["draining"]}',
    ])
      expect(parseRefusal(body)).toBeUndefined();
  });

  test('a refusal without a message has its code for one', () => {
    expect(asJson(parseRefusal('{"code":"draining","message":7}'))).toEqual({
      code: 'draining',
      message: 'draining',
    });
  });

  test('no body makes the parser throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (body) => {
        parseRefusal(body);
      }),
    );
  });
});

describe('close reasons', () => {
  test.each([
    ['ended', 1000],
    ['going_away', 1001],
    ['text_on_stream', 1003],
    ['not_json', 1003],
    ['too_big', 1009],
    ['over_budget', 1008],
    ['fault', 1011],
    ['restart', 1012],
    ['agent_gone', 4404],
    ['expired', 4408],
    ['superseded', 4409],
  ] as const)('%s is %d', (reason, code) => {
    expect(CLOSE_REASONS[reason].code).toBe(code);
  });

  test.each(reasons)('%s is read back from its close frame', (reason) => {
    expect(closeReasonFrom(CLOSE_REASONS[reason].code, reason)).toBe(reason);
  });

  test('a word that does not fit its code is not believed', () => {
    expect(closeReasonFrom(1000, 'expired')).toBe('ended');
    expect(closeReasonFrom(4409, 'ended')).toBe('superseded');
    expect(closeReasonFrom(4999, 'ended')).toBe('fault');
    expect(closeReasonFrom(1000, 'toString')).toBe('ended');
  });

  test('a close frame without a code is a goodbye', () => {
    expect(closeReasonFrom(1005, '')).toBe('ended');
  });

  test('a code of another kind of peer is a reason of ours', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 4999 }), fc.string(), (code, text) => {
        expect(reasons).toContain(closeReasonFrom(code, text));
      }),
    );
  });

  test('whatever code can stand in a close frame is one that RFC 6455 lets an application send', () => {
    for (const [reason, { code }] of Object.entries(CLOSE_REASONS)) {
      // `lost` is never sent: it is what the absence of a close frame is called.
      if (reason === 'lost') expect(code).toBe(1006);
      else
        expect((code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || code >= 3000).toBe(
          true,
        );
    }
  });
});

describe('subprotocols', () => {
  test.each([
    [undefined, []],
    ['', []],
    [' , ,', []],
    [AGENT_CONTROL, [AGENT_CONTROL]],
    [`${RESUME},${STREAM}`, [RESUME, STREAM]],
    [`  ${RESUME} ,\t${STREAM} `, [RESUME, STREAM]],
  ])('%j offers %j', (header, offered) => {
    expect(parseSubprotocols(header)).toEqual(offered);
  });

  test('what is offered survives the header', () => {
    const name = fc.stringMatching(/^[a-z.0-9]{1,20}$/);
    fc.assert(
      fc.property(fc.array(name), (names) => {
        expect(parseSubprotocols(names.join(', '))).toEqual(names);
      }),
    );
  });
});

describe('claims', () => {
  test('a fresh claim is one, and no two are the same', () => {
    const claims = Array.from({ length: 50 }, () => createClaim());
    expect(claims.every((claim) => isClaim(claim))).toBe(true);
    expect(new Set(claims).size).toBe(claims.length);
  });

  test.each([
    undefined,
    '',
    'short',
    'x'.repeat(42),
    'x'.repeat(44),
    `${'x'.repeat(42)}=`,
    `${'x'.repeat(42)}\n`,
  ])('%j is none', (text) => {
    expect(isClaim(text)).toBe(false);
  });

  test('a hash does not show its claim', () => {
    const claim = createClaim();
    expect(hashClaim(claim)).not.toContain(claim);
    expect(hashClaim(claim)).toBe(hashClaim(claim));
    expect(hashClaim('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });
});

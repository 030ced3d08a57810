// Dial failures: the one table of words, for the agent and for its clients.
import { describe, expect, test } from 'vitest';
import { Untrusted } from '#shared/text/untrusted.ts';
import { dialFailureFrom } from '#shared/websocket/dial-failure-text.ts';

const RELAY = new URL('wss://relay.example/agent/job');
const PROXY = new URL('http://me:hunter2@proxy.example:3128');

function silence(code: string, proxy?: URL) {
  return dialFailureFrom({ kind: 'unreachable', code, detail: `detail of ${code}` }, { relay: RELAY, proxy });
}

function answered(status: number, route = { relay: RELAY, proxy: undefined as URL | undefined }) {
  return dialFailureFrom({ kind: 'refused', status, refusal: undefined }, route);
}

describe('silence', () => {
  test.each([
    ['ECONNREFUSED', 'connection refused', true],
    ['ECONNRESET', 'the connection broke before an answer', true],
    ['TIMEOUT', 'detail of TIMEOUT', true],
    ['ENOTFOUND', 'no host has this name', false],
    ['SOMETHING_ELSE', 'detail of SOMETHING_ELSE', false],
  ])('%s is of the next hop: the relay, or the proxy before it', (code, words, passes) => {
    expect(silence(code)).toEqual({ kind: 'silence', message: `relay relay.example:443: ${words}`, passes });
    expect(silence(code, PROXY).message).toBe(`proxy proxy.example:3128: ${words}`);
  });

  test.each([
    ['CERT_HAS_EXPIRED', /its certificate has expired$/],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      /not by an authority that this machine knows; .*NODE_EXTRA_CA_CERTS$/,
    ],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /for another host \(detail of/],
    ['EPROTO', /does not speak TLS on this port/],
  ])('%s is of the relay, also behind a proxy', (code, words) => {
    for (const proxy of [undefined, PROXY]) {
      const { message } = silence(code, proxy);
      expect(message).toMatch(/^relay relay\.example:443: /);
      expect(message).toMatch(words);
    }
    expect(silence(code, new URL('https://proxy.example')).message).toMatch(
      /^relay relay\.example:443, or proxy proxy\.example:443 before it: /,
    );
  });
});

describe('an answer of something else', () => {
  test.each([404, 429, 502, 503, 504])('%d may pass', (status) => {
    expect(answered(status)).toMatchObject({ kind: 'stranger', status, passes: true });
  });

  test('407 asks for the password of the proxy, and does not repeat the one that it got', () => {
    expect(answered(407, { relay: RELAY, proxy: PROXY })).toMatchObject({
      passes: false,
      message: 'proxy proxy.example:3128 does not accept the user name and password in HTTPS_PROXY (407)',
    });
    expect(answered(407).message).toMatch(/^a proxy before relay\.example wants a user name and password/);
  });

  test('names the path that was asked for', () => {
    expect(answered(404).message).toBe(
      'relay.example answered 404, but not as a relay: check the host and the path /agent/job of the URL',
    );
  });
});

test('a refusal of a relay is its code and one line of it, whatever the relay wrote', () => {
  const message = new Untrusted('no\r\n::error::forged\u001b[2J');
  const outcome = { kind: 'refused', status: 401, refusal: { code: 'unauthorized', message } } as const;
  expect(dialFailureFrom(outcome, { relay: RELAY, proxy: undefined })).toEqual({
    kind: 'refusal',
    code: 'unauthorized',
    message: String.raw`relay.example refused: no\r\n:\u{3a}error:\u{3a}forged\u{1b}[2J (unauthorized)`,
  });
});

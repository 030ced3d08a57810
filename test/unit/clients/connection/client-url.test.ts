// The client URL: what is taken, and what a person is told about the rest.
import { describe, expect, test } from 'vitest';
import { parseClientUrl } from '../../../../services/clients/connection/client-url.ts';
import { formatFingerprint } from '../../../../services/shared/ssh/fingerprint-text.ts';

const FINGERPRINT = `SHA256:${Buffer.alloc(32, 0xfb).toString('base64').slice(0, 43)}`;

function accepted(text: string): { url: string; id: string; pinned: string | undefined } {
  const parsed = parseClientUrl(text);
  if (parsed.kind === 'invalid') throw new Error(parsed.message);
  const { url, id, pinned } = parsed.target;
  return { url: url.href, id, pinned: pinned && formatFingerprint(pinned) };
}

describe('a client URL is taken', () => {
  test.each([
    ['ws://relay.example/client/job-1', 'ws://relay.example/client/job-1'],
    ['wss://relay.example:8443/client/job-1', 'wss://relay.example:8443/client/job-1'],
    ['http://relay.example/client/job-1', 'ws://relay.example/client/job-1'],
    ['https://relay.example/client/job-1', 'wss://relay.example/client/job-1'],
    ['https://relay.example:443/client/job-1', 'wss://relay.example/client/job-1'],
    ['WSS://Relay.Example/a/b/client/job-1', 'wss://relay.example/a/b/client/job-1'],
    ['ws://[::1]:8080/client/job-1', 'ws://[::1]:8080/client/job-1'],
  ])('%s', (text, url) => {
    expect(accepted(text)).toEqual({ url, id: 'job-1', pinned: undefined });
  });

  test('with a fingerprint, which is kept out of what goes to the relay', () => {
    const { url, pinned } = accepted(`wss://relay.example/client/job-1#${FINGERPRINT}`);
    expect(url).toBe('wss://relay.example/client/job-1');
    expect(pinned).toBe(FINGERPRINT);
    expect(accepted(`wss://relay.example/client/job-1#${FINGERPRINT}=`).pinned).toBe(FINGERPRINT);
  });
});

describe('a client URL is refused', () => {
  test.each([
    ['without a scheme', 'relay.example/client/x', /"relay.example\/client\/x" is not a URL.*ws\[s\]:\/\//],
    ['with a host and port only', 'relay.example:80/client/x', /is not a URL of a relay/],
    ['with another scheme', 'ssh://relay.example/client/x', /is not a URL of a relay/],
    ['when empty', '', /"" is not a URL/],
    [
      'with the path of the agent',
      'wss://relay.example/r/agent/x',
      /clients use wss:\/\/relay\.example\/r\/client\/ID/,
    ],
    ['without a path', 'wss://relay.example', /path .* is not \/client\/ID/],
    ['with another path', 'wss://relay.example/clients/x', /path .* is not \/client\/ID/],
    ['with more behind the ID', 'wss://relay.example/client/x/y', /path .* is not \/client\/ID/],
    ['without an ID', 'wss://relay.example/client/', /"" is not an ID: 1 to 128/],
    ['with an ID that starts with a dash', 'wss://relay.example/client/-x', /"-x" is not an ID/],
    ['with an escaped ID', 'wss://relay.example/client/a%2Fb', /"a%2Fb" is not an ID/],
    ['with an ID that a URL would escape', 'wss://relay.example/client/a b', /"a b" is not an ID/],
    ['with an ID of 129 characters', `wss://relay.example/client/${'x'.repeat(129)}`, /is not an ID/],
    ['with a query', 'wss://relay.example/client/x?wait=5', /has a query/],
    ['with an empty query', 'wss://relay.example/client/x?', /has a query/],
    ['with an empty fragment', 'wss://relay.example/client/x#', /"#" is not a host key fingerprint.*SHA256:/],
    [
      'with a bare fingerprint',
      `wss://relay.example/client/x#${FINGERPRINT.slice(7)}`,
      /not a host key fingerprint/,
    ],
    ['with an MD5 fingerprint', 'wss://relay.example/client/x#MD5:aa:bb', /"#MD5:aa:bb" is not a host key/],
    [
      'with a short fingerprint',
      `wss://relay.example/client/x#${FINGERPRINT.slice(0, -1)}`,
      /not a host key/,
    ],
    [
      'with an escaped fingerprint',
      'wss://relay.example/client/x#SHA256%3Aabc',
      /not a host key fingerprint/,
    ],
  ])('%s', (_case, text, message) => {
    const parsed = parseClientUrl(text);
    expect(parsed).toMatchObject({ kind: 'invalid', message: expect.stringMatching(message) });
    expect(parsed).toMatchObject({ message: expect.not.stringContaining('\n') });
  });

  test('with a user name and password, which the message does not repeat', () => {
    const parsed = parseClientUrl('wss://me:hunter2@relay.example/client/x');
    expect(parsed).toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(/user name or password/),
    });
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });
});

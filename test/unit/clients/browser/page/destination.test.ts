// Where a link leads: the page's own address, and what people paste.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressFragment,
  type DestinationResult,
  destinationFromAddress,
  destinationFromText,
  fragmentOf,
} from '../../../../../services/clients/browser/page/entry/destination.ts';
import { signOnAddress } from '../../../../../services/clients/browser/page/entry/sign-on.ts';

const PIN = `SHA256:${'aB3+/'.repeat(8)}xyw`;

function found(result: DestinationResult) {
  if (result.kind !== 'destination') throw new Error(JSON.stringify(result));
  return result.destination;
}

describe('the address of the page', () => {
  test('is the link in the log of the job', () => {
    expect(found(destinationFromAddress(`https://relay.example/terminal/job-1#${PIN}`))).toEqual({
      clientUrl: 'wss://relay.example/client/job-1',
      terminalUrl: 'https://relay.example/terminal/job-1',
      host: 'relay.example',
      id: 'job-1',
      pin: PIN,
      user: 'abc',
      secret: undefined,
    });
  });

  test('keeps prefix, port, user and secret apart, whatever a mail program has escaped', () => {
    const link = `http://localhost:8080/a/b/terminal/x#${encodeURIComponent(PIN)}&user=ada&secret=p=q`;
    const destination = found(destinationFromAddress(link));
    expect(destination).toMatchObject({ clientUrl: 'ws://localhost:8080/a/b/client/x', pin: PIN });
    expect(destination).toMatchObject({ user: 'ada', secret: 'p=q' });
    expect(fragmentOf(destination)).toBe(`#${PIN}&user=ada`);
  });

  test('is split before it is unescaped: an escaped & or = is part of what it stands in', () => {
    const link = `https://relay.example/terminal/x#${PIN}&secret=a%26user%3Dmallory%3D`;
    expect(found(destinationFromAddress(link))).toMatchObject({ user: 'abc', secret: 'a&user=mallory=' });
    expect(destinationFromAddress(`https://relay.example/terminal/x#${PIN}%26secret=s`).kind).toBe('invalid');
  });

  test.each([
    [`${PIN}&secret=hush`, `#${PIN}`],
    [`${PIN}&user=ada&secret=hush&secret=hush`, `#${PIN}&user=ada`],
    [`${encodeURIComponent(PIN)}&secret%3Dhush`, `#${PIN}`],
    [`${PIN.slice(0, -3)}&secret=hush`, ''],
    [`${PIN}%26secret%3Dhush`, ''],
    [`${PIN}&user=-rf&secret=hush`, ''],
    [`%zz&secret=hush`, ''],
    ['secret=hush', ''],
    [`wss://relay.example/client/x#${PIN}&secret=hush`, `#wss://relay.example/client/x#${PIN}`],
    [`wss://relay.example/client/x#${PIN.slice(0, -1)}&secret=hush`, ''],
    [`wss://relay.example/secret=hush`, ''],
  ])('keeps no secret, however damaged: %s', (fragment, kept) => {
    for (const page of [
      'https://relay.example/terminal/x',
      'https://relay.example/terminal/',
      'file:///c.html',
    ]) {
      const href = `${page}#${fragment}`;
      const left = addressFragment(href, destinationFromAddress(href));
      expect(left).not.toContain('hush');
      if (page.endsWith('/x')) expect(left).toBe(kept);
    }
  });

  test('of a page that lies elsewhere has the client URL behind the #', () => {
    const page = 'file:///home/ada/converge-terminal.html';
    expect(found(destinationFromAddress(`${page}#wss://relay.example/client/x#${PIN}`))).toMatchObject({
      clientUrl: 'wss://relay.example/client/x',
      pin: PIN,
    });
    expect(destinationFromAddress(page)).toEqual({ kind: 'none' });
    expect(destinationFromAddress('https://relay.example/terminal/')).toEqual({ kind: 'none' });
  });

  test('without a key asks for none, and a key that was cut is no key', () => {
    expect(found(destinationFromAddress('https://relay.example/terminal/x')).pin).toBeUndefined();
    for (const bad of [PIN.slice(0, -1), `${PIN.slice(0, -1)}x`, `${PIN}x`, 'MD5:aa', `${PIN}&user=-rf`])
      expect(destinationFromAddress(`https://relay.example/terminal/x#${bad}`).kind).toBe('invalid');
  });
});

describe('what people paste', () => {
  test.each([
    [`"wss://relay.example/client/x#${PIN}"`],
    [` wss://relay.example/client/x#${PIN}\n`],
    [`https://relay.example/terminal/x#${PIN}`],
  ])('%j is a job', (text) => {
    expect(found(destinationFromText(text)).clientUrl).toBe('wss://relay.example/client/x');
  });

  test.each([
    '',
    'x',
    'javascript:alert(1)',
    'https://relay.example/',
    'wss://relay.example/client/..',
    'ssh://a/client/x',
  ])('%j is none', (text) => {
    expect(destinationFromText(text).kind).toBe('invalid');
  });

  test('never throws, and an address of ours comes back as it was', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        destinationFromText(text);
        destinationFromAddress(`https://relay.example/terminal/x#${text}`);
      }),
    );
  });
});

test('a sign-on begins at the relay whose page this is, and never leads away from a page that lies elsewhere', () => {
  const own = found(destinationFromAddress(`https://relay.example/a/terminal/x#${PIN}`));
  expect(signOnAddress(own, 'https://relay.example')).toBe(
    'https://relay.example/a/sign-on?return=%2Fa%2Fterminal%2Fx',
  );
  for (const origin of ['null', 'file://', 'https://pages.example', 'http://relay.example'])
    expect(signOnAddress(own, origin), origin).toBeUndefined();
});

// The keys of accounts, from a web server that stands in for GitHub and GitLab.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type AccountKeys,
  fetchAccountKeys,
  MAX_KEYS_PER_ACCOUNT,
  MAX_TEAM_MEMBERS,
  TEAM_WITHIN_MS,
} from '../../../../services/agent/access/account-keys.ts';
import { MAX_KEYS_BYTES } from '../../../../services/agent/access/authorized-keys-source.ts';
import { accountName, type KeyAccount, parseAccount } from '../../../../services/agent/access/key-account.ts';
import type { Fetch } from '../../../../services/agent/access/source.ts';
import { type KeyLists, startKeyLists } from '../../../support/ssh/key-lists.ts';
import { makeTestKey } from '../../../support/ssh/test-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const MEMBERS = '/api.github.com/orgs/acme/teams/ops/members?per_page=100&page=';

let lists: KeyLists;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  lists = await startKeyLists();
});
afterEach(() => lists[Symbol.asyncDispose]());

function keyLine(): string {
  return `ssh-ed25519 ${makeTestKey('ssh-ed25519').blob.toString('base64')}\n`;
}

function accountOf(text: string): KeyAccount {
  const read = parseAccount(text);
  if (read.kind === 'fault') throw new Error(read.fault);
  return read.account;
}

function fetchKeys(text: string, githubToken?: string): Promise<AccountKeys> {
  return fetchAccountKeys(accountOf(text), { clock, fetch: lists.fetch, allowsHttp: false, githubToken });
}

describe('the name of an account', () => {
  test.each(['github:ada', 'github:ada_acme', 'github:acme/ops-team', 'gitlab:ada.l', 'https://h/x.keys'])(
    '%s is one',
    (text) => {
      expect(accountName(accountOf(text))).toBe(text);
    },
  );

  test.each([
    '',
    'ada',
    'github:',
    'github:ada/',
    'github:a/b/c',
    'github:../x',
    'github:-ada',
    'github:ada.keys',
    'gitlab:group/sub',
    'bitbucket:ada',
    'GitHub:ada',
    'ftp://h/x',
    'https://',
    'github:ada\n',
  ])('%j is none', (text) => {
    expect(parseAccount(text)).toMatchObject({
      kind: 'fault',
      fault: expect.stringContaining('write github:USER, github:ORG/TEAM, gitlab:USER or https://HOST/LIST'),
    });
  });

  test('keeps what may be secret in a URL to itself', () => {
    expect(accountName(accountOf('https://me:word@h/list?token=secret'))).toBe('https://h/list');
  });
});

describe('the keys of an account', () => {
  test('come from where their provider has them, and bear its name', async () => {
    lists.answers.set('/github.com/ada.keys', keyLine() + keyLine());
    lists.answers.set('/gitlab.com/ada.keys', keyLine().replace('\n', ' ada@home\n'));
    expect(await fetchKeys('github:ada')).toMatchObject({
      kind: 'fetched',
      keys: [{ comment: 'github:ada' }, { comment: 'github:ada' }],
    });
    expect(await fetchKeys('gitlab:ada')).toMatchObject({ kind: 'fetched', keys: [{ comment: 'ada@home' }] });
    expect(lists.asked.map(({ path }) => path)).toEqual(['/github.com/ada.keys', '/gitlab.com/ada.keys']);
  });

  test('may be none yet, which is no fault', async () => {
    lists.answers.set('/github.com/ada.keys', '\n');
    expect(await fetchKeys('github:ada')).toEqual({ kind: 'fetched', keys: [], notes: [] });
    lists.answers.set('/github.com/ada.keys', 'ssh-dss AAAAB3NzaC1kc3M=\n');
    expect(await fetchKeys('github:ada')).toMatchObject({ kind: 'fetched', keys: [] });
  });

  test.each<[string, number | string, boolean, string]>([
    ['an unknown name', 404, false, 'github:ada: there is no such account; check the name'],
    ['a server in trouble', 503, true, 'github:ada: the server answered 503; check the URL'],
    ['too many questions', 429, true, 'github:ada: the server answered 429; check the URL'],
    ['a refusal', 403, false, 'github:ada: the server answered 403; check the URL'],
    [
      'a web page',
      '<!doctype html><p>Sign in',
      false,
      'github:ada: the answer is a web page, not a list of public keys; check the URL',
    ],
    ['garbage', 'no key at all', false, 'github:ada, line 1: not a public key'],
    [
      'an endless list',
      'x'.repeat(MAX_KEYS_BYTES + 1),
      false,
      'github:ada: more than 256 KiB; is this a list of public keys?',
    ],
    [
      'options that cannot be honoured',
      `command="id" ${keyLine()}`,
      false,
      'github:ada, line 1: the option command is not supported here; remove the line or the option',
    ],
  ])('are not taken from %s', async (_name, answer, isPassing, fault) => {
    lists.answers.set('/github.com/ada.keys', answer);
    expect(await fetchKeys('github:ada')).toEqual({ kind: 'failed', fault, isPassing });
  });

  test('are as many as one may have, and not one more', async () => {
    lists.answers.set('/github.com/ada.keys', keyLine().repeat(MAX_KEYS_PER_ACCOUNT));
    expect(await fetchKeys('github:ada')).toMatchObject({ kind: 'fetched' });
    lists.answers.set('/github.com/ada.keys', keyLine().repeat(MAX_KEYS_PER_ACCOUNT + 1));
    expect(await fetchKeys('github:ada')).toMatchObject({ kind: 'failed', isPassing: false });
  });

  test.each([
    ['ENOTFOUND', /^github:ada: no host has this name.*HTTPS_PROXY$/],
    ['ECONNREFUSED', /^github:ada: the host refuses the connection$/],
  ])('may come later after %s, in words of ours', async (code, fault) => {
    const fetch: Fetch = () => Promise.reject(Object.assign(new Error('the system'), { code }));
    const options = { clock, fetch, allowsHttp: false, githubToken: undefined };
    expect(await fetchAccountKeys(accountOf('github:ada'), options)).toEqual({
      kind: 'failed',
      fault: expect.stringMatching(fault),
      isPassing: true,
    });
  });

  test('may come later from a server that does not answer', async () => {
    const fetch: Fetch = () => Promise.reject(new DOMException('aborted', 'TimeoutError'));
    const options = { clock, fetch, allowsHttp: false, githubToken: undefined };
    expect(await fetchAccountKeys(accountOf('github:ada'), options)).toEqual({
      kind: 'failed',
      fault: 'github:ada: no answer within 10 s',
      isPassing: true,
    });
  });

  test('are not fetched over http', async () => {
    expect(await fetchKeys('http://h/list')).toMatchObject({
      kind: 'failed',
      fault: expect.stringContaining('--allow-insecure-keys-url'),
      isPassing: false,
    });
    expect(lists.asked).toEqual([]);
  });

  test('are found behind a redirect', async () => {
    lists.answers.set('/github.com/ada.keys', (_request, response) => {
      response.writeHead(301, { location: `${lists.origin}/github.com/lovelace.keys` }).end();
    });
    lists.answers.set('/github.com/lovelace.keys', keyLine());
    expect(await fetchKeys('github:ada')).toMatchObject({ kind: 'fetched', keys: [{}] });
  });
});

describe('the keys of a team', () => {
  const people = (...names: string[]): string => JSON.stringify(names.map((login) => ({ login })));

  test('are those of its members, who are asked for with the token, and their keys without', async () => {
    lists.answers.set(`${MEMBERS}1`, people('ada', 'bob'));
    lists.answers.set('/github.com/ada.keys', keyLine());
    lists.answers.set('/github.com/bob.keys', keyLine());
    expect(await fetchKeys('github:acme/ops', 'secret')).toMatchObject({
      kind: 'fetched',
      keys: [{ comment: 'github:ada' }, { comment: 'github:bob' }],
    });
    expect(lists.asked).toEqual([
      { path: `${MEMBERS}1`, authorization: 'Bearer secret' },
      { path: '/github.com/ada.keys', authorization: undefined },
      { path: '/github.com/bob.keys', authorization: undefined },
    ]);
  });

  test('have a token with a line end behind it, as secrets have', async () => {
    lists.answers.set(`${MEMBERS}1`, people());
    expect(await fetchKeys('github:acme/ops', 'secret\n')).toMatchObject({ kind: 'fetched' });
    expect(lists.asked).toEqual([{ path: `${MEMBERS}1`, authorization: 'Bearer secret' }]);
  });

  test.each([undefined, '', '\n', 'two\nlines', 'of s\u00e9cret'])(
    'need a token: %j is none',
    async (token) => {
      expect(await fetchKeys('github:acme/ops', token)).toMatchObject({
        kind: 'failed',
        fault: expect.stringMatching(/^github:acme\/ops: .*CONVERGE_GITHUB_TOKEN$/),
        isPassing: false,
      });
      expect(lists.asked).toEqual([]);
    },
  );

  test('take as many pages as there are people, up to a limit', async () => {
    const hundred = (page: number): string =>
      people(...Array.from({ length: 100 }, (_, index) => `p${page}-${index}`));
    lists.answers.set(`${MEMBERS}1`, hundred(1));
    lists.answers.set(`${MEMBERS}2`, hundred(2));
    lists.answers.set(`${MEMBERS}3`, people());
    for (const page of [1, 2]) {
      for (let index = 0; index < 100; index++)
        lists.answers.set(`/github.com/p${page}-${index}.keys`, keyLine());
    }
    const whole = await fetchKeys('github:acme/ops', 'secret');
    expect(whole.kind === 'fetched' && whole.keys).toHaveLength(MAX_TEAM_MEMBERS);
    lists.answers.set(`${MEMBERS}3`, people('one-more'));
    expect(await fetchKeys('github:acme/ops', 'secret')).toEqual({
      kind: 'failed',
      fault: 'github:acme/ops: more than 200 people; name a smaller team',
      isPassing: false,
    });
  });

  test.each<[string, number | string, boolean]>([
    ['a team that the token may not see', 404, false],
    ['a token that is none', 401, false],
    ['something else than people', '{"message":"hello"}', true],
    ['a name that would be a path', '[{"login":"../../x"}]', true],
    ['a member without a name', '[{}]', true],
  ])('are not made up from %s', async (_name, answer, isPassing) => {
    lists.answers.set(`${MEMBERS}1`, answer);
    expect(await fetchKeys('github:acme/ops', 'secret')).toMatchObject({ kind: 'failed', isPassing });
    expect(lists.asked).toHaveLength(1);
  });

  test('fail if a member cannot be asked now; one who is gone is left out, with a note', async () => {
    lists.answers.set(`${MEMBERS}1`, people('ada', 'bob'));
    lists.answers.set('/github.com/ada.keys', keyLine());
    lists.answers.set('/github.com/bob.keys', 503);
    expect(await fetchKeys('github:acme/ops', 'secret')).toMatchObject({ kind: 'failed', isPassing: true });
    lists.answers.set('/github.com/bob.keys', 404);
    expect(await fetchKeys('github:acme/ops', 'secret')).toMatchObject({
      kind: 'fetched',
      keys: [{ comment: 'github:ada' }],
      notes: ['github:bob: there is no such account; check the name'],
    });
  });

  test('are given up for now if the answers are slow', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
    lists.answers.set(`${MEMBERS}1`, people(...names));
    for (const name of names) {
      lists.answers.set(`/github.com/${name}.keys`, (_request, response) => {
        clock.advance(TEAM_WITHIN_MS / 10);
        response.end(keyLine());
      });
    }
    expect(await fetchKeys('github:acme/ops', 'secret')).toEqual({
      kind: 'failed',
      fault: 'github:acme/ops: not all answers came within 20 s',
      isPassing: true,
    });
    expect(lists.asked.length).toBeLessThan(names.length);
  });

  test('keep the token from another host', async () => {
    await using elsewhere = await startKeyLists();
    elsewhere.answers.set('/here', people());
    lists.answers.set(`${MEMBERS}1`, (_request, response) => {
      response.writeHead(302, { location: `${elsewhere.origin}/here` }).end();
    });
    expect(await fetchKeys('github:acme/ops', 'secret')).toMatchObject({ kind: 'fetched' });
    expect(elsewhere.asked).toEqual([{ path: '/here', authorization: undefined }]);
  });
});

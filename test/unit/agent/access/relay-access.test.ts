// The word of a relay about who may enter: when it counts, and what happens while it is awaited.
import { beforeEach, expect, test } from 'vitest';
import { AccessList } from '../../../../services/agent/access/access-list.ts';
import {
  ACCESS_WITHIN_MS,
  type AccessOutcome,
  RelayAccess,
} from '../../../../services/agent/access/relay-access.ts';
import type { Fetch } from '../../../../services/agent/access/source.ts';
import type { AccessMessage } from '../../../../services/shared/protocol/control-messages.ts';
import { makeTestKey, type TestKey } from '../../../support/ssh/test-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

const [ada, bob] = [makeTestKey('ssh-ed25519'), makeTestKey('ssh-ed25519')];

let clock: ManualClock;
let access: AccessList;
let told: string[];
/** By URL; each is to be answered by the test. */
let answers: Map<string, PromiseWithResolvers<string>>;
let relay: RelayAccess;
let outcome: AccessOutcome | undefined;

beforeEach(() => {
  clock = new ManualClock();
  access = new AccessList({ clock, authorizedKeys: [] });
  [told, answers, outcome] = [[], new Map(), undefined];
  const fetch: Fetch = async (url) => {
    const answer = Promise.withResolvers<string>();
    answers.set(url, answer);
    const text = await answer.promise;
    return { status: 200, contentType: 'text/plain', body: bodyOf(text) };
  };
  const tell = (line: string): unknown => told.push(line);
  relay = new RelayAccess({ clock, access, host: 'relay.test', fetch, githubToken: undefined, tell });
  void relay.settled.then((settled) => {
    outcome = settled;
  });
});

async function* bodyOf(text: string): AsyncIterable<Uint8Array> {
  await Promise.resolve();
  yield Buffer.from(text);
}

function wordFor(...people: string[]): AccessMessage {
  return { type: 'access', authorities: [], people };
}

function answer(url: string, key: TestKey): Promise<void> {
  answers.get(url)?.resolve(`${key.type} ${key.blob.toString('base64')}\n`);
  return settle();
}

test('counts once the keys of its people are here', async () => {
  void relay.take(wordFor('github:ada'));
  await settle();
  expect([outcome, access.isEmpty]).toEqual([undefined, true]);
  await answer('https://github.com/ada.keys', ada);
  expect(outcome).toEqual({ kind: 'settled' });
  expect(access.judge(ada.blob, '').kind).toBe('key');
});

test('that comes later counts, and one that came before does not any more', async () => {
  const all = [relay.take(wordFor('github:ada')), relay.take(wordFor('github:bob'))];
  await answer('https://github.com/ada.keys', ada);
  expect([outcome, access.isEmpty]).toEqual([undefined, true]);
  await answer('https://github.com/bob.keys', bob);
  await Promise.all(all);
  expect([ada, bob].map(({ blob }) => access.judge(blob, '').kind)).toEqual(['unknown', 'key']);
});

test('that comes a thousand times makes the agent ask for one list at once, and for the last', async () => {
  for (let n = 0; n < 1_000; n += 1) void relay.take(wordFor(`github:p${n}`));
  await settle();
  expect([...answers.keys()]).toEqual(['https://github.com/p0.keys']);
  await answer('https://github.com/p0.keys', ada);
  expect([...answers.keys()]).toEqual(['https://github.com/p0.keys', 'https://github.com/p999.keys']);
  await answer('https://github.com/p999.keys', bob);
  expect([ada, bob].map(({ blob }) => access.judge(blob, '').kind)).toEqual(['unknown', 'key']);
});

test('is awaited for a while from the welcome on, and not while there is no link', async () => {
  relay.expect();
  clock.advance(ACCESS_WITHIN_MS - 1);
  relay.stop();
  clock.advance(ACCESS_WITHIN_MS);
  relay.expect();
  clock.advance(ACCESS_WITHIN_MS - 1);
  await settle();
  expect([outcome, told]).toEqual([undefined, []]);
  clock.advance(1);
  await settle();
  expect(outcome).toMatchObject({ kind: 'nobody' });
  expect(told).toHaveLength(1);
});

test('that has come is not awaited, however long its keys take', async () => {
  relay.expect();
  void relay.take(wordFor('github:ada'));
  relay.expect();
  clock.advance(10 * ACCESS_WITHIN_MS);
  await settle();
  expect([outcome, told]).toEqual([undefined, []]);
});

test('that names nobody says so in the outcome, and one about which nothing can be found out is told', async () => {
  await relay.take(wordFor());
  expect(outcome).toMatchObject({
    kind: 'nobody',
    message: expect.stringContaining('nobody may enter: the relay of relay.test'),
  });
  const later = relay.take(wordFor('github:acme/ops', 'http://h/list'));
  await later;
  expect(told).toEqual([
    expect.stringMatching(/^github:acme\/ops: .*CONVERGE_GITHUB_TOKEN$/),
    expect.stringMatching(/^http:\/\/h\/list: not https/),
    'the relay of relay.test has changed who may enter',
  ]);
});

test('that is the same as before is no news', async () => {
  await relay.take(wordFor());
  await relay.take(wordFor());
  expect(told).toEqual([]);
});

test('that a link which came back says again asks nobody again, and what is known stands', async () => {
  const first = relay.take(wordFor('github:ada'));
  await settle();
  await answer('https://github.com/ada.keys', ada);
  await first;
  answers.clear();
  await relay.take(wordFor('github:ada'));
  expect(answers.size).toBe(0);
  expect(access.judge(ada.blob, '192.0.2.1')).toMatchObject({ kind: 'key' });
});

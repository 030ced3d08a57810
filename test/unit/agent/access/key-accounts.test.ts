// Accounts that are asked again for somebody with an unknown key, and how often that may be.
import { beforeEach, expect, test } from 'vitest';
import type { AccountKeys } from '../../../../services/agent/access/account-keys.ts';
import type { AuthorizedKey } from '../../../../services/agent/access/authorized-keys.ts';
import type { KeyAccount } from '../../../../services/agent/access/key-account.ts';
import { KeyAccounts, LOOK_AGAIN_AFTER_MS } from '../../../../services/agent/access/key-accounts.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

const ADA: KeyAccount = { kind: 'github', user: 'ada' };
const BOB: KeyAccount = { kind: 'gitlab', user: 'bob' };
const [FIRST, SECOND] = [keyOf('first'), keyOf('second')];

let clock: ManualClock;
let told: string[];
let asked: KeyAccount[];
let answers: Map<KeyAccount, AccountKeys>;

beforeEach(() => {
  clock = new ManualClock();
  [told, asked] = [[], []];
  answers = new Map<KeyAccount, AccountKeys>([
    [ADA, fetched(FIRST)],
    [BOB, fetched()],
  ]);
});

function keyOf(text: string): AuthorizedKey {
  const blob = Buffer.from(text);
  return { type: 'ssh-ed25519', blob, fingerprint: keyFingerprint(blob), comment: '' };
}

function fetched(...keys: AuthorizedKey[]): AccountKeys {
  return { kind: 'fetched', keys, notes: [] };
}

function failed(isPassing: boolean): AccountKeys {
  return { kind: 'failed', fault: 'gitlab:bob: away', isPassing };
}

async function looked(gate: Promise<void> = Promise.resolve()): Promise<KeyAccounts> {
  const accounts = new KeyAccounts({
    accounts: [ADA, BOB],
    clock,
    async fetchKeys(account) {
      asked.push(account);
      if (asked.length > 2) await gate;
      return answers.get(account) ?? failed(false);
    },
    tell: (line) => told.push(line),
  });
  await accounts.look();
  return accounts;
}

test('the first look says what is wrong, what is in the way, and what was left out', async () => {
  answers.set(ADA, { kind: 'fetched', keys: [FIRST], notes: ['a note'] });
  answers.set(BOB, failed(true));
  const accounts = new KeyAccounts({
    accounts: [ADA, BOB],
    clock,
    fetchKeys: (account) => Promise.resolve(answers.get(account) ?? failed(false)),
    tell: () => undefined,
  });
  expect(await accounts.look()).toEqual({ faults: [], troubles: ['gitlab:bob: away'], notes: ['a note'] });
  answers.set(BOB, failed(false));
  expect(await accounts.look()).toEqual({ faults: ['gitlab:bob: away'], troubles: [], notes: ['a note'] });
  expect(accounts.known).toEqual([
    { name: 'github:ada', keys: [FIRST] },
    { name: 'gitlab:bob', keys: [], isSilent: true },
  ]);
  answers.set(BOB, { kind: 'fetched', keys: [], notes: [] });
  await accounts.look();
  expect(accounts.known[1]).toEqual({ name: 'gitlab:bob', keys: [] });
});

test('a flood of unknown keys makes one look, for which all of them wait', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const accounts = await looked(gate);
  const looks = Array.from({ length: 1_000 }, () => accounts.lookAgain());
  expect(new Set(looks).size).toBe(1);
  expect(looks[0]).toBeInstanceOf(Promise);
  open();
  await looks[0];
  expect(asked).toHaveLength(4);
  const after = Array.from({ length: 1_000 }, () => accounts.lookAgain());
  expect(new Set(after)).toEqual(new Set([undefined]));
  expect(asked).toHaveLength(4);
});

test('the first unknown key makes a look at once, the next one a while after its end, and no sooner', async () => {
  const accounts = await looked();
  expect(accounts.waitMs).toBe(0);
  await accounts.lookAgain();
  expect(asked).toHaveLength(4);
  clock.advance(LOOK_AGAIN_AFTER_MS - 1);
  expect([accounts.lookAgain(), accounts.waitMs]).toEqual([undefined, 1]);
  clock.advance(1);
  expect(accounts.waitMs).toBe(0);
  await accounts.lookAgain();
  expect(asked).toHaveLength(6);
});

test('there is no second look before the first, and none at nobody', async () => {
  const never = new KeyAccounts({
    accounts: [ADA],
    clock,
    fetchKeys: () => Promise.resolve(fetched()),
    tell: () => undefined,
  });
  clock.advance(LOOK_AGAIN_AFTER_MS);
  expect(never.lookAgain()).toBeUndefined();
  const nobody = new KeyAccounts({
    accounts: [],
    clock,
    fetchKeys: () => Promise.resolve(fetched()),
    tell: () => undefined,
  });
  await nobody.look();
  clock.advance(LOOK_AGAIN_AFTER_MS);
  expect(nobody.lookAgain()).toBeUndefined();
});

test('a key that was added counts from then on, and is told; one that was taken away does not', async () => {
  const accounts = await looked();
  expect([accounts.find(FIRST.blob), accounts.find(SECOND.blob)]).toEqual([FIRST, undefined]);
  answers.set(ADA, fetched(SECOND));
  clock.advance(LOOK_AGAIN_AFTER_MS);
  await accounts.lookAgain();
  expect([accounts.find(FIRST.blob), accounts.find(SECOND.blob)]).toEqual([undefined, SECOND]);
  expect(told).toEqual([`github:ada may enter with more keys now: ${SECOND.fingerprint}`]);
});

test('what was known of an account that does not answer stands, and the others are asked all the same', async () => {
  const accounts = await looked();
  answers.set(ADA, { kind: 'failed', fault: 'github:ada: away', isPassing: false });
  answers.set(BOB, fetched(SECOND));
  clock.advance(LOOK_AGAIN_AFTER_MS);
  await accounts.lookAgain();
  await settle();
  expect([accounts.find(FIRST.blob), accounts.find(SECOND.blob)]).toEqual([FIRST, SECOND]);
  expect(told).toEqual([
    'github:ada: away; what was known of it stands',
    `gitlab:bob may enter with more keys now: ${SECOND.fingerprint}`,
  ]);
});

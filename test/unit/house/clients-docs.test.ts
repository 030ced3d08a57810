// The table of clients in the docs, held against the lists that it was made from.
import { expect, test } from 'vitest';
import { CLIENTS } from '../../clients/clients.ts';
import { DEEDS } from '../../clients/deeds.ts';
import { DIFFERENCES } from '../../clients/differences.ts';
import { docsNow, docsWithout } from '../../clients/docs.ts';
import { scriptOf } from '../../clients/script.ts';

test('has every client, every deed and every reason (npm run test:clients -- --write writes it)', async () => {
  expect(await docsNow()).toBe(docsWithout());
});

test('names are unique, and what is excused or done in another way exists', () => {
  const deeds = DEEDS.map(({ name }) => name);
  const clients = CLIENTS.map(({ name }) => name);
  expect(new Set(deeds).size).toBe(deeds.length);
  expect(new Set(clients).size).toBe(clients.length);
  const named = CLIENTS.flatMap(({ own = {}, leaves = {}, says = {} }) =>
    [own, leaves, says].flatMap(Object.keys),
  );
  expect(named.filter((name) => !deeds.includes(name))).toEqual([]);
  for (const { deed, clients: some = [] } of DIFFERENCES) {
    expect(deeds).toContain(deed);
    expect(some.filter((name) => !clients.includes(name))).toEqual([]);
  }
});

test('no deed is left without a client, and no client without a deed', () => {
  const isDone = (deed: (typeof DEEDS)[number]): boolean =>
    CLIENTS.some((client) => scriptOf(client, deed) !== undefined);
  expect(DEEDS.filter((deed) => !isDone(deed))).toEqual([]);
  expect(CLIENTS.filter((client) => !DEEDS.some((deed) => scriptOf(client, deed) !== undefined))).toEqual([]);
});

// The state of an SSH connection: what ends it, who had logged in by then, and how that client left.
import { expect, test } from 'vitest';
import {
  broken,
  ended,
  isStopping,
  type LiveConnection,
  loggedIn,
  logoutReasonOf,
  served,
} from '../../../../services/agent/ssh/connection-state.ts';

const INFO = { clientId: 'one', address: '192.0.2.1', user: 'me', method: 'password', since: 7 } as const;
const nothing = (): void => {};
const STRANGER: LiveConnection = { kind: 'open', party: { kind: 'stranger', cancelGrace: nothing } };
const CLIENT = loggedIn(STRANGER, INFO, nothing);

test('what has happened first ends it, unless this side decides to', () => {
  const faulted = broken(CLIENT, 'fault');
  expect(faulted).toMatchObject({ kind: 'ending', cause: 'fault' });
  expect(broken(faulted, 'lost')).toBe(faulted);
  expect(ended(faulted, 'stopped')).toMatchObject({ kind: 'ending', cause: 'stopped' });
  expect(ended(ended(CLIENT, 'stopped'), 'fault')).toMatchObject({ kind: 'ending', cause: 'fault' });
});

test('only one that was told to stop is stopping', () => {
  expect([CLIENT, broken(CLIENT, 'lost'), ended(CLIENT, 'fault')].map(isStopping)).toEqual([
    false,
    false,
    false,
  ]);
  expect(isStopping({ kind: 'closed' })).toBe(false);
  expect(isStopping(ended(STRANGER, 'stopped'))).toBe(true);
});

test('what the agent is ending it goes on ending, whatever happens meanwhile', () => {
  const stopped = ended(CLIENT, 'stopped');
  for (const state of [ended(stopped, 'fault'), broken(stopped, 'lost'), served(stopped)])
    expect(isStopping(state)).toBe(true);
  expect(logoutReasonOf(ended(stopped, 'fault'), true, () => false)).toBe('fault');
});

test('a login while it ends makes a client of the stranger, and ends nothing less', () => {
  const late = loggedIn(ended(STRANGER, 'stopped'), INFO, nothing);
  expect(late).toMatchObject({ kind: 'ending', cause: 'stopped', party: { kind: 'client', info: INFO } });
});

test('only a client is served, and stays so to the end', () => {
  expect(CLIENT.party).toMatchObject({ wasServed: false });
  expect(served(STRANGER)).toBe(STRANGER);
  expect(served({ kind: 'closed' })).toEqual({ kind: 'closed' });
  const client = served(CLIENT) as LiveConnection;
  expect(ended(broken(client, 'lost'), 'stopped').party).toMatchObject({ kind: 'client', wasServed: true });
});

test.each([
  ['hangs up', CLIENT, false, false, 'client_left'],
  ['is lost without a word', CLIENT, false, true, 'lost'],
  ['says goodbye, whatever becomes of its stream', CLIENT, true, true, 'client_left'],
  ['says goodbye on a stream that breaks', broken(CLIENT, 'lost'), true, false, 'client_left'],
  ['has a stream that breaks', broken(CLIENT, 'lost'), false, false, 'lost'],
  ['speaks SSH wrongly', broken(CLIENT, 'fault'), true, true, 'fault'],
  ['is told to go', ended(CLIENT, 'stopped'), true, true, 'stopped'],
] as const)('a client that %s', (_what, state, isEndedHere, isLost, reason) => {
  expect(logoutReasonOf(state, isEndedHere, () => isLost)).toBe(reason);
});

// Tickets: what this cluster sealed opens for its agent and in its time, and nothing else does.
import { expect, test } from 'vitest';
import { takeRandomBytes } from '#shared/machine/random-pool.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import {
  CLOCK_SKEW_MS,
  openTicket,
  sealTicket,
  TICKET_LIFE_MS,
  type Ticket,
} from '../../../../services/relay/hop/ticket.ts';

const OLD = 'the secret before, of thirty-two letters';
const NEW = 'the secret in use, of thirty-two letters';
const NOW = 1_000_000;
const TICKET: Ticket = {
  nonce: 'a-nonce',
  id: 'job',
  address: '10.0.0.1:9090',
  resumable: true,
  expiresAt: NOW + TICKET_LIFE_MS,
};

test('a ticket opens to what was sealed, on every pod with the secret', () => {
  const sealed = sealTicket(new ClusterKey([NEW]), TICKET);
  expect(openTicket(new ClusterKey([NEW]), sealed, 'job', NOW)).toEqual(TICKET);
});

test('the same ticket is never sealed to the same text, and shows nothing of what is inside', () => {
  const key = new ClusterKey([NEW]);
  // More than one page of the random pool.
  // A shorter ID is among random bytes now and then.
  const id = 'a-name-that-chance-does-not-write';
  const sealed = Array.from({ length: 500 }, () => sealTicket(key, { ...TICKET, id }));
  expect(new Set(sealed.map((text) => text.slice(0, 16))).size).toBe(500);
  for (const text of sealed) expect(Buffer.from(text, 'base64url').toString('latin1')).not.toContain(id);
});

test('while a secret is rotated, tickets of both open', () => {
  const before = sealTicket(new ClusterKey([OLD]), TICKET);
  expect(openTicket(new ClusterKey([NEW, OLD]), before, 'job', NOW)).toEqual(TICKET);
  expect(openTicket(new ClusterKey([NEW]), before, 'job', NOW)).toBeUndefined();
});

test('a ticket is no good for another agent, or long after its time', () => {
  const key = new ClusterKey([NEW]);
  const sealed = sealTicket(key, TICKET);
  const last = TICKET.expiresAt + CLOCK_SKEW_MS;
  expect(openTicket(key, sealed, 'other', NOW)).toBeUndefined();
  expect(openTicket(key, sealed, 'job', last)).toEqual(TICKET);
  expect(openTicket(key, sealed, 'job', last + 1)).toBeUndefined();
});

test('a ticket that was altered at any byte, or cut, does not open', () => {
  const key = new ClusterKey([NEW]);
  const sealed = Buffer.from(sealTicket(key, TICKET), 'base64url');
  for (let at = 0; at < sealed.length; at += 1) {
    const altered = Buffer.from(sealed);
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(openTicket(key, altered.toString('base64url'), 'job', NOW)).toBeUndefined();
    expect(openTicket(key, sealed.toString('base64url', 0, at), 'job', NOW)).toBeUndefined();
  }
});

test('what was taken from the random pool stays as it is when the pool is filled again', () => {
  const taken = takeRandomBytes(24);
  const copy = Buffer.from(taken);
  for (let turn = 0; turn < 1_000; turn += 1) takeRandomBytes(24);
  expect(taken).toEqual(copy);
});

test.each(['', 'x', '{', '[1', 'null', '{}', '[]', '["a-nonce","job"]', '[1,2,3,4,5]'])(
  'what this cluster sealed and is no ticket, %j, opens to nothing',
  (text) => {
    const key = new ClusterKey([NEW]);
    expect(openTicket(key, key.seal(text), 'job', NOW)).toBeUndefined();
  },
);

// Times that depend on one another, and the order they must keep, wherever they are declared.
import { expect, test } from 'vitest';
import { MAX_CONTROL_BYTES } from '#shared/protocol/control-messages.ts';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { MAX_WAIT_SECONDS } from '#shared/protocol/paths.ts';
import {
  MAX_RESUME_WINDOW_MS,
  OPEN_TIMEOUT_MS,
  REDIAL_TIMEOUT_MS,
  RESUME_WINDOW_MS,
} from '#shared/resume/limits.ts';
import { CLOSE_WITHIN_MS, PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { LOGIN_GRACE_MS } from '../../../services/agent/crowd/login-limits.ts';
import { FIRST_LINK_PATIENCE_MS, TAKEN_PATIENCE_MS } from '../../../services/agent/relay/link-failure.ts';
import { RELAY_DIAL_TIMEOUT_MS } from '../../../services/agent/relay/relay-dialler.ts';
import { OPEN_ANSWER_TIMEOUT_MS } from '../../../services/agent/ssh/forward/forward-context.ts';
import { EXCHANGE_GRACE_MS } from '../../../services/agent/ssh/key-exchange.ts';
import { RELAY_PATIENCE_MS } from '../../../services/clients/command-line/destination.ts';
import {
  ANSWER_WITHIN_MS,
  CONNECT_WITHIN_MS,
  WAIT_CHUNK_MS,
} from '../../../services/clients/connection/connect.ts';
import { OPEN_PATIENCE_MS, REDIAL_WAIT_SECONDS } from '../../../services/clients/connection/resuming.ts';
import { SPREAD_MS } from '../../../services/relay/drain.ts';
import { MAX_DIAL_ORDER_BYTES } from '../../../services/relay/hop/dial-order.ts';
import { HOP_DIAL_TIMEOUT_MS, PEER_ANSWER_WITHIN_MS } from '../../../services/relay/hop/peer-dialler.ts';
import { CLOCK_SKEW_MS, TICKET_LIFE_MS } from '../../../services/relay/hop/ticket.ts';
import { REGISTRY_TIMEOUT_MS, RENEW_EVERY_MS } from '../../../services/relay/registry/registry.ts';
import { AGENT_DIAL_TIMEOUT_MS } from '../../../services/relay/session/pending-dials.ts';

/** What the strictest load balancers of the field notes allow a connection to be idle. */
const BALANCER_IDLE_MS = 60_000;
const SECOND_MS = 1_000;

test('a leg is pinged well before a balancer cuts it, also when one ping is lost', () => {
  expect(PONG_WITHIN_MS).toBeLessThan(PING_EVERY_MS);
  expect(2 * PING_EVERY_MS + PONG_WITHIN_MS).toBeLessThan(BALANCER_IDLE_MS);
});

test('a dead peer is found within 25 s', () => {
  expect(PING_EVERY_MS + PONG_WITHIN_MS).toBeLessThanOrEqual(25 * SECOND_MS);
});

test('a lease survives two renewals that fail, each as late as it can', () => {
  expect(LEASE_MS).toBeGreaterThan(2 * (RENEW_EVERY_MS + REGISTRY_TIMEOUT_MS));
});

test('an agent that finds its own ID taken outlasts the lease, and the time to find its old link dead', () => {
  expect(TAKEN_PATIENCE_MS).toBeGreaterThan(LEASE_MS);
  expect(FIRST_LINK_PATIENCE_MS).toBeGreaterThan(RELAY_DIAL_TIMEOUT_MS);
});

test('a client hears the answer of the relay before it gives up on it', () => {
  expect(ANSWER_WITHIN_MS).toBeGreaterThan(AGENT_DIAL_TIMEOUT_MS + REGISTRY_TIMEOUT_MS);
  expect(REDIAL_TIMEOUT_MS).toBeGreaterThan(AGENT_DIAL_TIMEOUT_MS);
});

test('a client tries another connection before it gives up on a relay that takes none', () => {
  expect(CONNECT_WITHIN_MS).toBeLessThan(ANSWER_WITHIN_MS);
  expect(CONNECT_WITHIN_MS).toBeLessThan(REDIAL_TIMEOUT_MS);
  expect(OPEN_PATIENCE_MS).toBeGreaterThan(2 * OPEN_TIMEOUT_MS);
});

test('a relay that does not answer is asked twice, as README says', () => {
  for (const each of [CONNECT_WITHIN_MS, ANSWER_WITHIN_MS]) {
    expect(each).toBeLessThan(RELAY_PATIENCE_MS);
    expect(2 * each).toBeGreaterThanOrEqual(RELAY_PATIENCE_MS);
  }
});

test('no window is longer than a timer can be', () => {
  expect(MAX_RESUME_WINDOW_MS).toBeLessThan(2 ** 31);
});

test('a client asks for no longer a wait than the relay grants and balancers allow', () => {
  expect(WAIT_CHUNK_MS).toBeLessThanOrEqual(MAX_WAIT_SECONDS * SECOND_MS);
  expect(WAIT_CHUNK_MS).toBeLessThan(30 * SECOND_MS);
  expect(REDIAL_WAIT_SECONDS * SECOND_MS).toBeLessThan(REDIAL_TIMEOUT_MS);
});

test('an order to a peer and a hop back fit into one dial', () => {
  expect(PEER_ANSWER_WITHIN_MS + HOP_DIAL_TIMEOUT_MS).toBeLessThan(AGENT_DIAL_TIMEOUT_MS);
});

test('an agent does not dial for longer than its client waits', () => {
  expect(RELAY_DIAL_TIMEOUT_MS).toBeLessThanOrEqual(AGENT_DIAL_TIMEOUT_MS);
  expect(HOP_DIAL_TIMEOUT_MS).toBeLessThan(RELAY_DIAL_TIMEOUT_MS);
});

test('a ticket outlives the wait for it, and clocks that differ do not shorten it', () => {
  expect(TICKET_LIFE_MS).toBeGreaterThan(AGENT_DIAL_TIMEOUT_MS);
  expect(CLOCK_SKEW_MS).toBeGreaterThanOrEqual(TICKET_LIFE_MS);
});

test('an interrupted session outlives what can interrupt it', () => {
  expect(RESUME_WINDOW_MS).toBeGreaterThan(PING_EVERY_MS + PONG_WITHIN_MS + LEASE_MS);
  expect(RESUME_WINDOW_MS).toBeGreaterThan(2 * REDIAL_TIMEOUT_MS);
  expect(OPEN_TIMEOUT_MS).toBeLessThan(REDIAL_TIMEOUT_MS);
});

test('an interruption in the middle of a key exchange ends nothing that the default window keeps', () => {
  expect(EXCHANGE_GRACE_MS).toBeGreaterThan(RESUME_WINDOW_MS);
  expect(OPEN_ANSWER_TIMEOUT_MS).toBeGreaterThanOrEqual(EXCHANGE_GRACE_MS);
  // Strangers exchange keys too, and get no longer than anybody who has not logged in.
  expect(LOGIN_GRACE_MS).toBeLessThan(EXCHANGE_GRACE_MS);
});

test('a drain is over within the grace that Kubernetes gives by default', () => {
  const [delayMs, timeoutMs] = [5 * SECOND_MS, 30 * SECOND_MS];
  expect(SPREAD_MS).toBeLessThan(timeoutMs);
  // The chart asks for more than this; without it, this is what a pod needs.
  expect(delayMs + timeoutMs + CLOSE_WITHIN_MS).toBeLessThan(BALANCER_IDLE_MS);
});

test('a dial order fits into a control message', () => {
  expect(MAX_DIAL_ORDER_BYTES).toBeLessThanOrEqual(MAX_CONTROL_BYTES);
});

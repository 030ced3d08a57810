// The peer view: who is there, and who is believed to be gone.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Peer } from '../../../../services/relay/kubernetes/cluster.ts';
import { MAX_VANISHED, PeerView, SETTLE_MS } from '../../../../services/relay/kubernetes/peer-view.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const SELF: Peer = { name: 'relay-a', address: '10.0.0.1:9090' };
const B: Peer = { name: 'relay-b', address: '10.0.0.2:9090' };
const C: Peer = { name: 'relay-c', address: '10.0.0.3:9090' };

describe('the peer view', () => {
  let clock: ManualClock;
  let view: PeerView;

  beforeEach(() => {
    clock = new ManualClock();
    view = new PeerView(clock, SELF.address);
  });

  /** Of those, who is believed to be gone. */
  function gone(...peers: readonly Peer[]): Peer[] {
    return peers.filter(({ address }) => view.isAlive(address) === false);
  }

  function list(...slices: (readonly Peer[])[]): void {
    view.replace(slices.map((peers, index) => ({ name: `slice-${index}`, peers })));
  }

  test('joins the slices of a service', () => {
    list([SELF, B], [C]);
    expect(view.peers()).toEqual([SELF, B, C]);
    expect(view.isAlive(C.address)).toBe(true);
  });

  test('knows nothing of an address that it never saw', () => {
    list([SELF]);
    expect(view.isAlive(B.address)).toBeUndefined();
  });

  test('believes that a pod is gone once it was missing for a moment', () => {
    list([SELF, B]);
    view.put({ name: 'slice-0', peers: [SELF] });
    clock.advance(SETTLE_MS - 1);
    expect(view.isAlive(B.address)).toBeUndefined();
    clock.advance(1);
    expect(view.isAlive(B.address)).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('takes no move from one slice to another for an end', () => {
    list([SELF, B], [C]);
    view.put({ name: 'slice-0', peers: [SELF] });
    clock.advance(SETTLE_MS / 2);
    view.put({ name: 'slice-1', peers: [C, B] });
    clock.advance(SETTLE_MS * 2);
    expect(view.isAlive(B.address)).toBe(true);
  });

  test('keeps a pod that another slice still names when a slice goes', () => {
    list([SELF, B], [B]);
    view.remove('slice-1');
    clock.advance(SETTLE_MS * 2);
    expect(view.isAlive(B.address)).toBe(true);
  });

  test('gives each of several vanished pods its own moment', () => {
    list([SELF, B, C]);
    view.put({ name: 'slice-0', peers: [SELF, C] });
    clock.advance(SETTLE_MS / 2);
    view.put({ name: 'slice-0', peers: [SELF] });
    clock.advance(SETTLE_MS / 2);
    expect(gone(B, C)).toEqual([B]);
    clock.advance(SETTLE_MS / 2);
    expect(gone(B, C)).toEqual([B, C]);
  });

  test('believes nothing while the slices do not name this pod, and catches up when they do', () => {
    list([SELF, B, C]);
    list([]);
    clock.advance(SETTLE_MS * 10);
    expect(view.isAlive(B.address)).toBeUndefined();
    list([SELF, C]);
    expect(gone(B, C)).toEqual([B]);
  });

  test('takes back that an address is gone when a pod is there again', () => {
    list([SELF, B]);
    list([SELF]);
    clock.advance(SETTLE_MS);
    expect(view.isAlive(B.address)).toBe(false);
    list([SELF, { name: 'relay-d', address: B.address }]);
    expect(view.isAlive(B.address)).toBe(true);
  });

  test('remembers a bounded number of vanished pods, the latest', () => {
    const many = Array.from({ length: MAX_VANISHED + 5 }, (_, n) => ({
      name: `pod-${n}`,
      address: `10.1.0.${n}:1`,
    }));
    for (const peer of many) {
      list([SELF, peer]);
      list([SELF]);
      clock.advance(SETTLE_MS);
    }
    expect(gone(...many)).toEqual(many.slice(5));
  });

  test('sets no timer once stopped', () => {
    list([SELF, B]);
    list([SELF]);
    expect(clock.pending).toBe(1);
    view.stop();
    view.stop();
    expect(clock.pending).toBe(0);
    clock.advance(SETTLE_MS);
    expect(gone(B)).toEqual([]);
  });
});

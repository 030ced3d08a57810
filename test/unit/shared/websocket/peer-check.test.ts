// When a certificate has to be good: whatever is confided to the peer.
import { expect, test } from 'vitest';
import { ACCESS_HEADER } from '#shared/protocol/access.ts';
import { CLAIM_HEADER } from '#shared/protocol/claim.ts';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import { peerCheckFor } from '#shared/websocket/peer-check.ts';

test.each([IDENTITY_HEADER, PASS_HEADER, ACCESS_HEADER])('a dial with %s goes to nobody else', (name) => {
  expect(peerCheckFor({ [CLAIM_HEADER]: 'claim', [name]: 'value' })).toEqual({ rejectUnauthorized: true });
});

test('for all others the word of the machine counts', () => {
  expect([peerCheckFor({ [CLAIM_HEADER]: 'claim' }), peerCheckFor({}), peerCheckFor()]).toEqual([{}, {}, {}]);
});

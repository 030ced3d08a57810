// Link failures: what an agent says of a refusal that its ID is the reason for.
import { expect, test } from 'vitest';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { linkFailureFrom } from '../../../../services/agent/relay/link-failure.ts';

function failureFrom(code: RefusalCode) {
  const target = { base: 'wss://relay.example', id: 'k3vq', claim: '', proxy: undefined };
  const refusal = { code, message: new Untrusted('the ID would have to be team.*') };
  return linkFailureFrom({ kind: 'refused', status: 403, refusal }, target, false);
}

test('an ID that the policy does not allow is named, since nobody may have typed it, with the way out', () => {
  const { kind, message, patienceMs } = failureFrom('id_not_allowed');
  expect({ kind, patienceMs }).toEqual({ kind: 'refused', patienceMs: 0 });
  expect(message).toMatch(/team\.\* \(id_not_allowed\); the ID is k3vq: end the URL with one/);
});

test('it is not spoken of where another one would do no better', () => {
  expect(failureFrom('not_admitted').message).not.toContain('k3vq');
});

// Keys as proof makers: which of them a relay is shown, and what people are told.
import { expect, test } from 'vitest';
import { keyMakersFrom } from '#shared/identity/key-makers.ts';
import type { FoundSigners, KeySigner } from '#shared/signing/signer.ts';
import type { Certificate } from '#shared/ssh/certificate.ts';

const FACTS = { audience: '', role: 'agent', id: '', claimHash: '', challenge: 'c' } as const;
const { signal } = new AbortController();

function signer(kind: 'key' | 'certificate', more: Partial<KeySigner> = {}): KeySigner {
  const times = { validAfter: 100n, validBefore: 200n } as Certificate;
  const certificate = kind === 'certificate' ? times : undefined;
  return {
    kind,
    fingerprint: 'SHA256:abc',
    name: 'id',
    isSecurityKey: false,
    certificate,
    sign: ({ challenge }) => {
      const identity = { kind, challenge, blob: Buffer.from('b'), signature: Buffer.from('s') };
      return Promise.resolve({ kind: 'signed', identity });
    },
    ...more,
  };
}

const found = (...signers: KeySigner[]): FoundSigners => ({ kind: 'found', signers });

test('certificates come before keys, and those that the relay does not take are left out', () => {
  const both = found(signer('key'), signer('certificate'));
  const names = (kinds: readonly ('key' | 'certificate')[]) => {
    const makers = keyMakersFrom(both, kinds, 150_000);
    return makers.kind === 'found' ? makers.makers.map(({ name }) => name) : makers.message;
  };
  expect(names(['key', 'certificate'])).toEqual([
    'the certificate of the key SHA256:abc (id)',
    'the key SHA256:abc (id)',
  ]);
  expect(names(['key'])).toEqual(['the key SHA256:abc (id)']);
});

test.each([
  [
    signer('certificate'),
    200_000,
    'the certificate of the key SHA256:abc (id) is not good at this time: get a new one',
  ],
  [
    signer('key'),
    150_000,
    'a key is there without a certificate, and the relay takes certificates only: put it beside the key as FILE-cert.pub, or into the ssh-agent',
  ],
])('where none will do, it is said why: %#', (one, now, message) => {
  expect(keyMakersFrom(found(one), ['certificate'], now)).toEqual({ kind: 'none', message });
});

test('where there is none, or only certificates that nobody asks for, it is said too', () => {
  const unusable = { kind: 'unusable', message: 'id is encrypted' } as const;
  expect(keyMakersFrom(unusable, ['key'], 0)).toEqual({ kind: 'none', message: 'id is encrypted' });
  expect(keyMakersFrom(found(signer('certificate')), ['key'], 150_000)).toEqual({
    kind: 'none',
    message: 'a certificate is there, and the relay takes none: use a key',
  });
});

test('somebody is told before a key waits for a touch, and why one did not sign', async () => {
  const touches: string[] = [];
  const sign = () => Promise.resolve({ kind: 'unsigned', message: 'it did not sign' } as const);
  const makers = keyMakersFrom(
    found(signer('key'), signer('key', { isSecurityKey: true, name: 'fido', sign })),
    ['key'],
    0,
    (name) => touches.push(name),
  );
  if (makers.kind !== 'found') throw new Error(makers.message);
  const [plain, fido] = makers.makers;
  expect(await plain?.make(FACTS, signal)).toMatchObject({
    kind: 'made',
    identity: { kind: 'key', challenge: 'c' },
  });
  expect(touches).toEqual([]);
  expect(await fido?.make(FACTS, signal)).toEqual({
    kind: 'unmade',
    message: 'it did not sign',
    passes: false,
  });
  expect(touches).toEqual(['the key SHA256:abc (fido)']);
});

// What a provider of the test remembers: in memory, of this provider alone, and gone with it.
import type { Adapter, AdapterPayload } from 'oidc-provider';

/** Makes the adapters of one provider, one for each kind of thing that it keeps. */
export function issuerStore(): (kind: string) => Adapter {
  const kept = new Map<string, AdapterPayload>();
  const by = (kind: string, field: 'uid' | 'userCode', value: string): AdapterPayload | undefined =>
    [...kept].find(([key, payload]) => key.startsWith(`${kind}:`) && payload[field] === value)?.[1];
  return (kind) => ({
    upsert: (id, payload) => done(kept.set(`${kind}:${id}`, payload)),
    find: (id) => Promise.resolve(kept.get(`${kind}:${id}`)),
    findByUid: (uid) => Promise.resolve(by(kind, 'uid', uid)),
    findByUserCode: (userCode) => Promise.resolve(by(kind, 'userCode', userCode)),
    consume(id) {
      const payload = kept.get(`${kind}:${id}`);
      return done(
        payload === undefined || Object.assign(payload, { consumed: Math.trunc(Date.now() / 1_000) }),
      );
    },
    destroy: (id) => done(kept.delete(`${kind}:${id}`)),
    revokeByGrantId(grantId) {
      for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
      return done(true);
    },
  });
}

function done(kept: unknown): Promise<undefined> {
  return Promise.resolve(kept).then(() => undefined);
}

// Cards of open jobs, for what is made of them.
import type { ToldCard } from '../../../services/agent/tell/card-object.ts';

const NOW = Date.UTC(2026, 10, 29, 14, 3, 22);

/** The password and the secret of the link, which must not go where they do not belong. */
export const CARD_SECRETS = ['vd7m-2kqp-x4tw-9hnc', 'lnk5-secr-et0f-card'] as const;

/** A card with every secret that there is. */
export const TOLD_CARD: ToldCard = {
  destination: {
    publicUrl: 'https://relay.example/ci',
    id: 'k3JmX0v2QeT5',
    user: 'abc',
    fingerprint: `SHA256:${'q'.repeat(42)}A`,
    resumeWindowMs: 120_000,
  },
  entry: { kind: 'generated_password', password: CARD_SECRETS[0] },
  hasTerminal: true,
  linkSecret: CARD_SECRETS[1],
  now: NOW,
  deadline: NOW + 600_000,
  lastDeadline: NOW + 21_600_000,
  timeoutMs: 600_000,
  maxLifetimeMs: 21_600_000,
};

// Grants: what an agent carries to prove how long it has had its ID. Made by any pod, believed by every pod, kept by none.
//
// Why with the agent: the registry can be emptied and pods can be replaced, all at once, and the agent alone is sure to
// be there as long as its ID matters. A grant is worth nothing without the claim secret, which every link shows anyway.
import type { ProvenTenure } from '../registry/tenure.ts';
import type { ClusterKey } from './cluster-key.ts';

/** While a link is up, the agent gets a new one so often, in milliseconds: less than TENURE_SLACK_MS. */
export const GRANT_EVERY_MS = 30_000;

/** EPOCH.HELD.HORIZON.SEEN.SIGNATURE; the signature binds the ID and the claim too. */
const GRANT_PATTERN =
  /^([1-9]\d{0,14})\.([1-9]\d{0,14})\.([1-9]\d{0,14})\.([1-9]\d{0,14})\.([A-Za-z0-9_-]{43})$/;

export interface Grant extends ProvenTenure {
  /** With which the agent was linked. */
  readonly epoch: number;
}

/** Whom a grant is for. */
export interface Grantee {
  readonly id: string;
  readonly claimHash: string;
}

/** The grant as text, of at most 128 characters. */
export function formatGrant(key: ClusterKey, grantee: Grantee, grant: Grant): string {
  const { epoch, heldSince, horizon, seen } = grant;
  const facts = [epoch, heldSince, horizon, seen].join('.');
  return `${facts}.${key.sign('grant', textOf(grantee, facts))}`;
}

/** What `text` grants to `grantee`; undefined if this cluster did not make it, or not for this claim of this ID. */
export function readGrant(key: ClusterKey, grantee: Grantee, text: string): Grant | undefined {
  const [, epoch, heldSince, horizon, seen, signature = ''] = GRANT_PATTERN.exec(text) ?? [];
  const facts = [epoch, heldSince, horizon, seen].join('.');
  if (!key.verify('grant', textOf(grantee, facts), signature)) return undefined;
  return {
    epoch: Number(epoch),
    heldSince: Number(heldSince),
    horizon: Number(horizon),
    seen: Number(seen),
  };
}

function textOf({ id, claimHash }: Grantee, facts: string): string {
  return JSON.stringify([id, claimHash, facts]);
}

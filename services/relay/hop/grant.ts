// Grants: what an agent carries to prove how long it has had its ID. Pods make and believe them; no pod keeps them.
//
// Why the agent carries it: the registry can be emptied and all pods replaced at once, and only the agent is sure to be
// there as long as its ID matters. A grant is worth nothing without the claim secret, which every link shows anyway.
import type { Tenure } from '../registry/tenure.ts';
import type { Grantee, Grants } from '../session/needs.ts';
import type { ClusterKey } from './cluster-key.ts';

/** HELD.ELDERS.HORIZON.SEEN.WON.SIGNATURE; the signature binds the ID and the claim too. */
const GRANT_PATTERN = /^((?:[1-9]\d{0,14}\.){5})([A-Za-z0-9_-]{43})$/;

/** The grants of one cluster. */
export function grantsOf(key: ClusterKey): Grants {
  return {
    make: (grantee, tenure) => formatGrant(key, grantee, tenure),
    read: (grantee, text) => readGrant(key, grantee, text),
  };
}

/** The grant as text, of at most 123 characters. */
export function formatGrant(
  key: ClusterKey,
  grantee: Grantee,
  { heldSince, eldersBefore, horizon, seen, wonAt }: Tenure,
): string {
  const facts = `${heldSince}.${eldersBefore}.${horizon}.${seen}.${wonAt}.`;
  return `${facts}${key.sign('grant', textOf(grantee, facts))}`;
}

/** What `text` proves of `grantee`; undefined if this cluster did not make it, or not for this claim of this ID. */
export function readGrant(key: ClusterKey, grantee: Grantee, text: string): Tenure | undefined {
  const [, facts = '', signature = ''] = GRANT_PATTERN.exec(text) ?? [];
  if (!key.verify('grant', textOf(grantee, facts), signature)) return undefined;
  const [heldSince = 0, eldersBefore = 0, horizon = 0, seen = 0, wonAt = 0] = facts.split('.').map(Number);
  return { heldSince, eldersBefore, horizon, seen, wonAt };
}

function textOf({ id, claimHash }: Grantee, facts: string): string {
  return JSON.stringify([id, claimHash, facts]);
}

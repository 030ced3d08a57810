// Refusals: how a relay says no before the upgrade, as an HTTP status with a JSON body.
import { parseRecord } from '#shared/text/json-record.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { demandFrom, type IdentityDemand } from './identity.ts';

/** Every refusal code with its status, and whether a client may come back to the same relay for another answer. */
export const REFUSALS = {
  invalid_id: { status: 400, retry: false },
  invalid_host: { status: 400, retry: false },
  unauthorized: { status: 401, retry: false },
  identity_required: { status: 401, retry: false },
  identity_malformed: { status: 401, retry: false },
  challenge_stale: { status: 401, retry: false },
  token_malformed: { status: 401, retry: false },
  token_unknown: { status: 401, retry: false },
  token_expired: { status: 401, retry: false },
  token_not_yet_valid: { status: 401, retry: false },
  token_wrong_audience: { status: 401, retry: false },
  token_unknown_issuer: { status: 401, retry: false },
  token_bad_algorithm: { status: 401, retry: false },
  token_unknown_key: { status: 401, retry: false },
  token_bad_signature: { status: 401, retry: false },
  token_bad_claims: { status: 401, retry: false },
  key_unknown: { status: 401, retry: false },
  key_bad_signature: { status: 401, retry: false },
  certificate_malformed: { status: 401, retry: false },
  certificate_wrong_type: { status: 401, retry: false },
  certificate_bad_signature: { status: 401, retry: false },
  certificate_unknown_ca: { status: 401, retry: false },
  certificate_expired: { status: 401, retry: false },
  certificate_not_yet_valid: { status: 401, retry: false },
  certificate_wrong_principal: { status: 401, retry: false },
  certificate_wrong_address: { status: 401, retry: false },
  certificate_unknown_option: { status: 401, retry: false },
  certificate_revoked: { status: 401, retry: false },
  sso_expired: { status: 401, retry: false },
  sso_refused: { status: 401, retry: false },
  foreign_origin: { status: 403, retry: false },
  not_admitted: { status: 403, retry: false },
  id_not_allowed: { status: 403, retry: false },
  lifetime_over: { status: 403, retry: false },
  allowance_spent: { status: 403, retry: false },
  blocked: { status: 403, retry: true },
  agent_not_found: { status: 404, retry: true },
  not_found: { status: 404, retry: false },
  id_taken: { status: 409, retry: true },
  range_not_satisfiable: { status: 416, retry: false },
  upgrade_required: { status: 426, retry: false },
  rate_limited: { status: 429, retry: true },
  rule_full: { status: 429, retry: true },
  fault: { status: 500, retry: true },
  draining: { status: 503, retry: true },
  overloaded: { status: 503, retry: true },
  registry_unavailable: { status: 503, retry: true },
  issuer_unavailable: { status: 503, retry: true },
  peer_unreachable: { status: 503, retry: true },
  agent_unresponsive: { status: 504, retry: true },
} as const satisfies Record<string, { status: number; retry: boolean }>;

export type RefusalCode = keyof typeof REFUSALS;

/** The body of a refusal, as it came: the code for programs, and for people what to do next. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: Untrusted;
  /** What `identity_required` asks for. */
  readonly demand?: IdentityDemand;
}

/** More than this of a refusal's body is not read, in bytes. */
export const MAX_REFUSAL_BYTES = 4096;

/** What a body that should be a refusal holds; undefined if something else answered (a proxy, another server). */
export function parseRefusal(body: string): Refusal | undefined {
  const record = parseRecord(body) ?? {};
  const { code, message } = record;
  if (typeof code !== 'string' || !Object.hasOwn(REFUSALS, code)) return undefined;
  const demand = demandFrom(record);
  return {
    code: code as RefusalCode,
    message: new Untrusted(typeof message === 'string' ? message : code),
    ...(demand === undefined ? {} : { demand }),
  };
}

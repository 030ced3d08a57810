// Refusals: how a relay says no before the upgrade, as an HTTP status with a JSON body.
import { parseRecord } from '#shared/text/json-record.ts';
import { Untrusted } from '#shared/text/untrusted.ts';

/** Every refusal code with its status, and whether a client may come back to the same relay for another answer. */
export const REFUSALS = {
  invalid_id: { status: 400, retry: false },
  invalid_host: { status: 400, retry: false },
  unauthorized: { status: 401, retry: false },
  foreign_origin: { status: 403, retry: false },
  agent_not_found: { status: 404, retry: true },
  not_found: { status: 404, retry: false },
  id_taken: { status: 409, retry: true },
  range_not_satisfiable: { status: 416, retry: false },
  upgrade_required: { status: 426, retry: false },
  rate_limited: { status: 429, retry: true },
  fault: { status: 500, retry: true },
  draining: { status: 503, retry: true },
  overloaded: { status: 503, retry: true },
  registry_unavailable: { status: 503, retry: true },
  peer_unreachable: { status: 503, retry: true },
  agent_unresponsive: { status: 504, retry: true },
} as const satisfies Record<string, { status: number; retry: boolean }>;

export type RefusalCode = keyof typeof REFUSALS;

/** The body of a refusal, as it came: the code for programs, and for people what to do next. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: Untrusted;
}

/** More than this of a refusal's body is not read, in bytes. */
export const MAX_REFUSAL_BYTES = 4096;

/** What a body that should be a refusal holds; undefined if something else answered (a proxy, another server). */
export function parseRefusal(body: string): Refusal | undefined {
  const { code, message } = parseRecord(body) ?? {};
  if (typeof code !== 'string' || !Object.hasOwn(REFUSALS, code)) return undefined;
  return { code: code as RefusalCode, message: new Untrusted(typeof message === 'string' ? message : code) };
}

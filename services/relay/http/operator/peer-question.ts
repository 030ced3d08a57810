// A question to another pod, signed, and its answer, bounded in time and size.
import { faultText } from '#shared/text/fault-text.ts';
import { type JsonRecord, parseRecord } from '#shared/text/json-record.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { ClusterKey } from '../../hop/cluster-key.ts';
import { PEER_HEADER, type PeerRequest, signPeerRequest } from '../../hop/peer-credentials.ts';

/** A pod that does not answer within this time is shown as one that does not answer, in milliseconds. */
export const PEER_VIEW_WITHIN_MS = 3_000;

/** More than this is no answer, in bytes: the longest is MAX_PAGED_ROWS rows. */
export const MAX_PEER_ANSWER_BYTES = 16 * 1024 * 1024;

export type PeerAnswer =
  | { readonly kind: 'answered'; readonly record: JsonRecord }
  | { readonly kind: 'silent'; readonly why: string };

export interface AskOptions {
  readonly key: ClusterKey;
  readonly clock: Clock;
}

/** Never rejects. */
export async function askPeer(
  address: string,
  request: PeerRequest,
  { key, clock }: AskOptions,
): Promise<PeerAnswer> {
  try {
    const answer = await fetch(`http://${address}${request.path}`, {
      method: request.method,
      redirect: 'error',
      headers: {
        [PEER_HEADER]: signPeerRequest(key, request, clock.wallTime()),
        ...(request.body === '' ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === '' ? {} : { body: request.body }),
      signal: AbortSignal.timeout(PEER_VIEW_WITHIN_MS),
    });
    if (answer.status === 404) return { kind: 'silent', why: 'it is of an older version' };
    if (!answer.ok) return { kind: 'silent', why: `it answers with status ${answer.status}` };
    const record = parseRecord(await readBounded(answer));
    return record === undefined
      ? { kind: 'silent', why: 'its answer cannot be read' }
      : { kind: 'answered', record };
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    return { kind: 'silent', why: isLate ? `no answer in ${PEER_VIEW_WITHIN_MS / 1_000} s` : causeOf(error) };
  }
}

/** What `fetch` says is that it failed; why is in the cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return faultText(cause ?? error);
}

async function readBounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > MAX_PEER_ANSWER_BYTES) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

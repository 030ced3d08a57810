// The relay dialler: how this agent opens control links and streams, through proxies and private authorities.
import { isUnknownAuthority, trustSystemCertificates } from '#shared/certificates.ts';
import { CLAIM_HEADER } from '#shared/protocol/claim.ts';
import { MAX_CONTROL_BYTES } from '#shared/protocol/control-messages.ts';
import { agentPath, agentStreamPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import { type DialOptions, type DialOutcome, dialWebSocket } from '#shared/stream/dial.ts';
import type { Mask } from '#shared/stream/mask.ts';
import { MAX_STREAM_MESSAGE_BYTES } from '#shared/stream/web-socket-stream.ts';

/** One attempt, in milliseconds: TLS through a proxy takes its time, a lost packet costs seconds. */
export const DIAL_TIMEOUT_MS = 10_000;

export interface RelayTarget {
  /** ws(s)://HOST[:PORT][/prefix], without a trailing slash. */
  readonly base: string;
  readonly id: string;
  readonly claim: string;
  readonly proxy: URL | undefined;
  /** Of streams; the control link, which carries next to nothing, has a random one. */
  readonly mask?: Mask;
}

/** Opens the control link. Never rejects. */
export function dialControlLink(target: RelayTarget, signal: AbortSignal): Promise<DialOutcome> {
  const url = new URL(`${target.base}${agentPath(target.id)}`);
  return dialTrusting(url, target, {
    protocols: [AGENT_CONTROL],
    maxMessageBytes: MAX_CONTROL_BYTES,
    signal,
  });
}

/** Opens the stream that `ticket` is for. Never rejects. */
export function dialAgentStream(
  target: RelayTarget,
  ticket: string,
  signal: AbortSignal,
): Promise<DialOutcome> {
  const url = new URL(`${target.base}${agentStreamPath(target.id, ticket)}`);
  return dialTrusting(url, target, {
    protocols: [STREAM],
    mask: target.mask,
    maxMessageBytes: MAX_STREAM_MESSAGE_BYTES,
    signal,
  });
}

/** Asks again at once if the machine's own authorities may make the relay's certificate a good one. */
async function dialTrusting(
  url: URL,
  { claim, proxy }: RelayTarget,
  rest: Pick<DialOptions, 'protocols' | 'maxMessageBytes' | 'signal' | 'mask'>,
): Promise<DialOutcome> {
  const options = { ...rest, headers: { [CLAIM_HEADER]: claim }, proxy, timeoutMs: DIAL_TIMEOUT_MS };
  const outcome = await dialWebSocket(url, options);
  const isWorthAnother =
    outcome.kind === 'unreachable' && isUnknownAuthority(outcome.code) && trustSystemCertificates();
  return isWorthAnother ? dialWebSocket(url, options) : outcome;
}

// The relay dialler: how this agent opens control links and streams, through proxies and private authorities.
import { CLAIM_HEADER } from '#shared/protocol/claim.ts';
import { MAX_CONTROL_BYTES } from '#shared/protocol/control-messages.ts';
import { agentPath, agentStreamPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import type { DialOutcome } from '#shared/stream/dial.ts';
import type { Mask } from '#shared/stream/mask.ts';
import { dialTrusting } from '#shared/stream/trusting-dial.ts';
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
  return dialTrusting(new URL(`${target.base}${agentPath(target.id)}`), {
    ...commonOptions(target),
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
  return dialTrusting(new URL(`${target.base}${agentStreamPath(target.id, ticket)}`), {
    ...commonOptions(target),
    protocols: [STREAM],
    mask: target.mask,
    maxMessageBytes: MAX_STREAM_MESSAGE_BYTES,
    signal,
  });
}

function commonOptions({ claim, proxy }: RelayTarget) {
  return { headers: { [CLAIM_HEADER]: claim }, proxy, timeoutMs: DIAL_TIMEOUT_MS };
}

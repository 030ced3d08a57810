// The relay dialler: how this agent opens control links and streams, through proxies and private authorities.
import { ACCESS_FROM_POLICY, ACCESS_HEADER } from '#shared/protocol/access.ts';
import { CLAIM_HEADER, GRANT_HEADER } from '#shared/protocol/claim.ts';
import { MAX_CONTROL_BYTES } from '#shared/protocol/control-messages.ts';
import { agentPath, agentStreamPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import { dialLink, type LinkDialOutcome } from '#shared/websocket/dial-link.ts';
import { dialStream, type StreamDialOptions, type StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import type { Mask } from '#shared/websocket/mask-choice.ts';
import { dialTrusting } from '#shared/websocket/trusting-dial.ts';

/** One attempt, in milliseconds: TLS through a proxy takes its time, a lost packet costs seconds. */
export const RELAY_DIAL_TIMEOUT_MS = 10_000;

/** Where the relays are, and who dials them. */
export interface RelayTarget {
  /** ws(s)://HOST[:PORT][/prefix], without a trailing slash. */
  readonly base: string;
  readonly id: string;
  readonly claim: string;
  readonly proxy: URL | undefined;
  /** For streams; the control link, which carries next to nothing, has a random one. */
  readonly mask?: Mask;
  /** The relay is to say who may enter. */
  readonly asksAccess?: boolean;
}

/** Opens the control link; `grant` is the newest one, empty before the first. Never rejects. */
export function dialControlLink(
  { base, id, claim, proxy, asksAccess = false }: RelayTarget,
  signal: AbortSignal,
  grant: string,
): Promise<LinkDialOutcome> {
  const url = new URL(`${base}${agentPath(id)}`);
  const options = {
    protocols: [AGENT_CONTROL],
    headers: {
      [CLAIM_HEADER]: claim,
      ...(grant === '' ? {} : { [GRANT_HEADER]: grant }),
      ...(asksAccess ? { [ACCESS_HEADER]: ACCESS_FROM_POLICY } : {}),
    },
    proxy,
    timeoutMs: RELAY_DIAL_TIMEOUT_MS,
    maxMessageBytes: MAX_CONTROL_BYTES,
    isBudgeted: true,
    signal,
  };
  return dialTrusting(() => dialLink(url, options));
}

/** Opens the stream that `ticket` is for. Never rejects. */
export function dialAgentStream(
  { base, id, claim, proxy, mask }: RelayTarget,
  ticket: string,
  rest: Pick<StreamDialOptions, 'clock' | 'reading' | 'signal'>,
): Promise<StreamDialOutcome> {
  const url = new URL(`${base}${agentStreamPath(id, ticket)}`);
  const headers = { [CLAIM_HEADER]: claim };
  const options = { ...rest, protocols: [STREAM], headers, proxy, mask, timeoutMs: RELAY_DIAL_TIMEOUT_MS };
  return dialTrusting(() => dialStream(url, options));
}

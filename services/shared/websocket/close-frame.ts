// The payload of a close frame: a code, then a word (RFC 6455 sections 5.5.1 and 7.4).
import { isUtf8 } from 'node:buffer';
import { CLOSE_REASONS, type CloseReason } from '#shared/protocol/close-reasons.ts';

/** What a close frame without a code means (section 7.1.5). */
const NO_CODE = 1005;

/** What this end says with a close frame. */
export function closePayload(reason: CloseReason): Buffer {
  // `lost` has no code that may be sent (section 7.4.1): it is what the other leg met, not this one.
  const said = reason === 'lost' ? 'going_away' : reason;
  const payload = Buffer.allocUnsafe(2 + said.length);
  payload.writeUInt16BE(CLOSE_REASONS[said].code, 0);
  payload.write(said, 2, 'latin1');
  return payload;
}

/** The code that the peer's close frame has, 1005 for none; undefined for what may not be sent (section 7.4). */
export function closeCodeOf(payload: Buffer): number | undefined {
  if (payload.length === 0) return NO_CODE;
  if (payload.length === 1) return undefined;
  const code = payload.readUInt16BE(0);
  const isDefined =
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || code >= 3000;
  return isDefined && code <= 4999 && isUtf8(payload.subarray(2)) ? code : undefined;
}

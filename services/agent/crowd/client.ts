// A client: whose stream it is, and the source that it counts for when shares are handed out.
import { addressSourceOf } from '#shared/protocol/address.ts';

/** Whose stream it is. */
export interface Client {
  readonly id: string;
  /** As the relay sees it. */
  readonly address: string;
  /** Asked when the stream has ended: true if it ended without a goodbye. Without this, every end counts as a goodbye. */
  readonly isLost?: () => boolean;
  /** Cuts the stream with all that it has not delivered yet; for clients that never logged in. May be called twice. */
  readonly discard?: () => void;
}

/** A word that is not an address comes from an old or odd relay; this many of its characters tell it from others. */
const MAX_WORD_LENGTH = 64;

/**
 * The address, or the /64 of an IPv6 address. The relay is trusted here: one that lies could as well turn everybody away.
 */
export function clientSourceOf(address: string): string {
  return addressSourceOf(address) ?? address.slice(0, MAX_WORD_LENGTH);
}

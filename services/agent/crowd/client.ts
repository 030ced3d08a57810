// A client: whose stream it is, and the source that it counts for when shares are handed out.
import { addressSourceOf } from '#shared/protocol/address.ts';

/** Whose stream it is. */
export interface Client {
  readonly id: string;
  /** As the relay sees it. */
  readonly address: string;
  /** Asked when the stream has ended: whether it did without a goodbye. Without it every end is one, as with TCP. */
  readonly isLost?: () => boolean;
  /** Cuts the stream, whatever it has still to deliver: nobody has logged in. May be called twice. */
  readonly discard?: () => void;
}

/** Words that are no address share one fate by their beginning, in characters: they come from an old or odd relay. */
const MAX_WORD_LENGTH = 64;

/**
 * The address, or the /64 of an address of IPv6. It is a relay's word: an honest relay gives facts, and another one could
 * turn everybody away without lying.
 */
export function clientSourceOf(address: string): string {
  return addressSourceOf(address) ?? address.slice(0, MAX_WORD_LENGTH);
}

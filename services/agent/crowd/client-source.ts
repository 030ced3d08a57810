// The source of a client: what counts as one address when shares are handed out.
import { addressSourceOf } from '#shared/protocol/address.ts';

/** Words that are no address share one fate by their beginning, in characters: they come from an old or odd relay. */
const MAX_WORD_LENGTH = 64;

/**
 * The address, or the /64 of an address of IPv6. It is a relay's word: an honest relay gives facts, and another one could
 * turn everybody away without lying.
 */
export function clientSourceOf(address: string): string {
  return addressSourceOf(address) ?? address.slice(0, MAX_WORD_LENGTH);
}

// Networks of a rule: addresses and ranges.
import { isAddressRange, isRange } from '../../limits/client-address.ts';
import { type Fields, quoted } from './fields.ts';
import type { FaultList } from './policy-fault.ts';

/** Those in the word `networks`; undefined if it is not there. `isProof`: the rule asks for nothing else. */
export function readNetworks(
  fields: Fields,
  faults: FaultList,
  isProof = false,
): readonly string[] | undefined {
  const wayOut = isProof ? 'if that is meant, leave "clients" out' : 'leave "networks" out';
  return fields.texts('networks')?.flatMap(({ text, line }) => {
    if (isAddressRange(text)) return [text];
    const fault = isRange(text)
      ? `is everybody: ${wayOut}`
      : 'is no address and no range such as 203.0.113.0/24 or 2001:db8::/32';
    faults.add(line, fields.about(`${quoted(text)} ${fault}`));
    return [];
  });
}

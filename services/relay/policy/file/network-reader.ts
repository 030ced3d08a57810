// Networks of a rule: addresses and ranges.
import { isAddressRange, isRange } from '../../limits/client-address.ts';
import { type Fields, quoted } from './fields.ts';
import type { FaultList } from './policy-fault.ts';

/** Those in the word `networks`; undefined if it is not there. */
export function readNetworks(fields: Fields, faults: FaultList): readonly string[] | undefined {
  return fields.texts('networks')?.flatMap(({ text, line }) => {
    if (isAddressRange(text)) return [text];
    const fault = isRange(text)
      ? 'is everybody: leave "networks" out'
      : 'is no address and no range such as 203.0.113.0/24 or 2001:db8::/32';
    faults.add(line, fields.about(`${quoted(text)} ${fault}`));
    return [];
  });
}

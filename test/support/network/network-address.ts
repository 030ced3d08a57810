// An address of this machine that is not loopback: a stranger's way to what listens on all of them.
import { networkInterfaces } from 'node:os';

/** IPv4. Undefined on a machine without a network. */
export function networkAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

// SSH faults: why a connection cannot go on, as a code for the program and a sentence for a person.
import type { Untrusted } from '#shared/text/untrusted.ts';

export type SshFaultCode =
  /** A message that cannot be read, or is not what its number says. */
  | 'malformed'
  /** A message that has no business where it came. */
  | 'out_of_place'
  /** Over one of our limits. */
  | 'too_big'
  /** The host offers none of what this client speaks. */
  | 'no_common_algorithm'
  /** Another host key than the pinned one. */
  | 'wrong_host_key'
  /** The person did not take the host key. */
  | 'host_key_declined'
  /** The signature of the key exchange is not the host key's. */
  | 'bad_signature'
  /** A share of the key exchange that nobody makes by accident. */
  | 'bad_share'
  /** A packet that was altered, or that is not of this connection. */
  | 'tampered'
  /** The host said that it ends the connection, as it was meant to. */
  | 'disconnected'
  /** The host said that it ends the connection because of what it heard. */
  | 'turned_out'
  /** The bytes ended. */
  | 'lost'
  /** This end closed the connection. */
  | 'closed';

export class SshFault extends Error {
  readonly code: SshFaultCode;
  /** The host's own text, if it gave one. */
  readonly said: Untrusted | undefined;
  constructor(code: SshFaultCode, message: string, said?: Untrusted) {
    super(message);
    this.name = 'SshFault';
    this.code = code;
    this.said = said;
  }
}

/** What was thrown as a fault of the connection: what is not one of ours is a message that made no sense. */
export function sshFaultFrom(thrown: unknown): SshFault {
  return thrown instanceof SshFault ? thrown : new SshFault('malformed', String(thrown));
}

// What those who are in read when somebody joins or leaves.
import type { Untrusted } from '#shared/text/untrusted.ts';
import type { Credential } from './log-line.ts';

/** The longest user name, key comment or key ID in such a line, in characters. */
const MAX_NAME_LENGTH = 32;
/** Of a fingerprint: enough to tell two keys apart; the status has all of it. */
const FINGERPRINT_LENGTH = 'SHA256:'.length + 12;

/** Somebody, as the others see them. */
export interface Companion {
  readonly user: Untrusted;
  readonly address: string;
  readonly credential: Credential;
}

export function joinedLine({ user, address, credential }: Companion): string {
  const who = `${user.printable(MAX_NAME_LENGTH)} joined from ${address}`;
  return `converge: ${who} with ${shortCredentialText(credential)}`;
}

export function leftLine({ user, address }: Companion, how: 'left' | 'lost' | 'fault'): string {
  return `converge: ${user.printable(MAX_NAME_LENGTH)} from ${address} ${DEPARTURES[how]}`;
}

const DEPARTURES = {
  left: 'left',
  lost: 'was lost, without a goodbye',
  fault: 'was cut off by a fault',
} as const;

/** Instead of more lines: so many more came or went. */
export function busyLine(count: number): string {
  const times = count === 1 ? '1 more' : `${count} more`;
  return `converge: ${times} joined or left; \`converge status\` says who is in`;
}

function shortCredentialText(credential: Credential): string {
  switch (credential.kind) {
    case 'password':
      return 'the password';
    case 'key': {
      const comment = credential.comment?.printable(MAX_NAME_LENGTH) ?? '';
      return `key ${shortened(credential.fingerprint)}${comment === '' ? '' : ` (${comment})`}`;
    }
    case 'certificate':
      return `certificate "${credential.keyId.printable(MAX_NAME_LENGTH)}"`;
  }
}

function shortened(fingerprint: string): string {
  return `${fingerprint.slice(0, FINGERPRINT_LENGTH)}…`;
}

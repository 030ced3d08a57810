// The rights of a login: all that the agent offers, or as much of it as a certificate allows.
import type { CertificateFacts } from '#shared/ssh/certificate-verdict.ts';

export interface Rights {
  /** A terminal of its own. */
  readonly terminal: boolean;
  /** Of ports and unix sockets, both ways. */
  readonly portForwarding: boolean;
  readonly agentForwarding: boolean;
  /** Run instead of whatever is asked for. */
  readonly forcedCommand: string | undefined;
}

/** Of a password, and of a key that was named. */
export const ALL_RIGHTS: Rights = {
  terminal: true,
  portForwarding: true,
  agentForwarding: true,
  forcedCommand: undefined,
};

/** What a certificate does not allow is forbidden (OpenSSH's PROTOCOL.certkeys). X11 and user-rc nobody has here. */
export function rightsOf({ extensions, forceCommand }: CertificateFacts): Rights {
  return {
    terminal: extensions.has('permit-pty'),
    portForwarding: extensions.has('permit-port-forwarding'),
    agentForwarding: extensions.has('permit-agent-forwarding'),
    forcedCommand: forceCommand,
  };
}

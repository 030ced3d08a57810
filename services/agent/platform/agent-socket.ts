// A socket that only the user of this job reaches, for programs that look for an ssh-agent.

export interface AgentSocket {
  /** For SSH_AUTH_SOCK, and for `listen`. */
  readonly address: string;
  /** Removes what was made for it, when nobody listens any more. May be called twice. */
  remove(): void;
}

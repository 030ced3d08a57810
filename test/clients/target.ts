// A target: an SSH server that the deeds are done to, the agent or the judge, as the scripts get to know it.

export interface Target {
  readonly name: 'agent' | 'sshd';
  /** Where sessions start. */
  readonly home: string;
  /** On 127.0.0.1; takes the key of the run. */
  readonly port: number;
  /** The same for its password. */
  readonly passwordPort: number;
  /** `SHA256:…` of the host key at `port`, and at `passwordPort`. */
  readonly fingerprint: string;
  readonly passwordFingerprint: string;
}

/** Both servers take this user, who is the one that runs them. */
export const USER = 'root';

/** Of this run's own servers on 127.0.0.1, whose user has no other rights than who started them. */
export const PASSWORD = 'correct horse battery';

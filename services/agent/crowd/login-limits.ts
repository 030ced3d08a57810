// The limits for clients that have not logged in yet.
import type { CrowdLimits } from './crowd.ts';

/** From the stream to the login, in milliseconds. Nothing that the client sends extends it. As sshd's LoginGraceTime. */
export const LOGIN_GRACE_MS = 60_000;

/**
 * Connections without a login. `start`, `rate` and `full` are those of sshd's MaxStartups (its default is 10:30:100),
 * `perSource` is its PerSourceMaxStartups: this many may log in at once from an office, or from behind an ingress that hides
 * its clients. Quiet is a connection that has exchanged no keys: every client does so within two or three round trips.
 */
export const LOGIN_CROWD: CrowdLimits = {
  start: 50,
  rate: 30,
  full: 100,
  perSource: 32,
  headroom: 10,
  quietMs: 3_000,
  tie: 'lot',
};

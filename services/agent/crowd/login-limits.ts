// Limits of those who have not logged in yet.
import type { CrowdLimits } from './crowd.ts';

/** From the stream to the login, in milliseconds. Nothing that the client sends extends it. As sshd's LoginGraceTime. */
export const LOGIN_GRACE_MS = 60_000;

/**
 * Connections without a login. `start`, `rate` and `full` as sshd's MaxStartups (its default is 10:30:100), `perSource` as
 * its PerSourceMaxStartups: so many log in at the same moment from an office, or from behind an ingress that hides its
 * clients. Quiet is who has exchanged no keys: a client of anybody does that within two or three round trips.
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

// Every kind of cases; together they are a million.
import type { Kind } from './kind.ts';
import { directKinds } from './kinds/direct.ts';
import { agentMessages, linkFrames, streamFrames } from './kinds/frames.ts';
import { hostileRelay } from './kinds/hostile-relay.ts';
import { internalRequests, publicRequests } from './kinds/requests.ts';
import { resumeFrames } from './kinds/resume.ts';
import { sftpPackets, sshHandshakes, sshLogins, sshSessions } from './kinds/ssh.ts';

export const MILLION = 1_000_000;

export const KINDS: readonly Kind[] = [
  // Those first whose sessions take a while to end.
  resumeFrames,
  sshHandshakes,
  sshLogins,
  sshSessions,
  sftpPackets,
  streamFrames,
  linkFrames,
  agentMessages,
  hostileRelay,
  internalRequests,
  publicRequests,
  ...directKinds,
];

/** How many cases of a kind there are among `cases`; at least one. */
export function countOf({ share }: Kind, cases: number): number {
  return Math.max(1, Math.ceil((share * cases) / MILLION));
}

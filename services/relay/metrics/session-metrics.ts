// What is counted of links and sessions.
import { Histogram, type Registry } from 'prom-client';
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import { RESUMPTION_OUTCOMES } from '#shared/protocol/control-messages.ts';
import type { AgentRecorder } from '../session/agent-table.ts';
import { SESSION_ROUTES, type SessionRecorder } from '../session/session-table.ts';
import { countFromZero } from './counter.ts';

/** The longest gap that an agent is believed, in seconds: jobs end before, and one agent must not spoil the sum. */
const MAX_GAP_SECONDS = 86_400;

type LinkRecorder = Pick<AgentRecorder, 'agentLinked' | 'agentUnlinked'>;
type ResumptionRecorder = Pick<AgentRecorder, 'resumptionReported'>;

export function countLinks(register: Registry): LinkRecorder {
  const links = countFromZero(register, 'converge_agent_links_total', 'Control links opened.', {});
  const unlinks = countFromZero(
    register,
    'converge_agent_links_closed_total',
    'Control links closed, by reason.',
    { reason: Object.keys(CLOSE_REASONS) },
  );
  return {
    agentLinked: () => {
      links.inc();
    },
    agentUnlinked: (reason) => {
      unlinks.inc({ reason });
    },
  };
}

export function countSessions(register: Registry): SessionRecorder {
  const setUp = new Histogram({
    name: 'converge_session_setup_seconds',
    help: 'From the request of a client, or from when the agent appeared that it waited for, to the joined session, by route; on the pod of the client only.',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [register],
  });
  for (const route of SESSION_ROUTES) if (route !== 'forwarding') setUp.zero({ route });
  const ends = countFromZero(
    register,
    'converge_sessions_ended_total',
    'Sessions that ended, by route and reason; one over a hop counts on two pods.',
    { route: SESSION_ROUTES, reason: Object.keys(CLOSE_REASONS) },
  );
  const durations = new Histogram({
    name: 'converge_session_duration_seconds',
    help: 'How long sessions lasted, resumed ones from one transport to the next; on the pod of the client only.',
    buckets: [1, 10, 60, 300, 900, 3600, 14_400, 43_200],
    registers: [register],
  });
  return {
    sessionStarted: (route, setUpSeconds) => {
      // The far end of a hop is the same session again, and has its own metric: converge_hop_dial_seconds.
      if (route !== 'forwarding') setUp.observe({ route }, setUpSeconds);
    },
    sessionEnded: (route, reason, seconds) => {
      ends.inc({ route, reason });
      if (route !== 'forwarding') durations.observe(seconds);
    },
  };
}

export function countResumptions(register: Registry): ResumptionRecorder {
  const resumes = countFromZero(
    register,
    'converge_resumes_total',
    'What became of sessions that lost their transport, as the agents report: resumed, given_up (nobody came within the resume window) or unknown_session (the client came to an agent that does not have it).',
    { outcome: RESUMPTION_OUTCOMES },
  );
  const gaps = new Histogram({
    name: 'converge_resume_gap_seconds',
    help: 'How long the sessions that were resumed had been without a transport.',
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 120, 300],
    registers: [register],
  });
  return {
    resumptionReported: (outcome, afterSeconds) => {
      resumes.inc({ outcome });
      if (outcome === 'resumed') gaps.observe(Math.min(afterSeconds, MAX_GAP_SECONDS));
    },
  };
}

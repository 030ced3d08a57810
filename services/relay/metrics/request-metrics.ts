// What is counted of requests that came to no session, and of messages that came to nothing.
import type { Registry } from 'prom-client';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import type { RefusalRecorder } from '../http/door/refusal.ts';
import { MALFORMED_REASONS } from '../http/listener/malformed.ts';
import type { UntakenRecorder } from '../http/listener/untaken-answers.ts';
import type { AgentRouteRecorder } from '../http/route/agent.ts';
import type { ClientRouteRecorder } from '../http/route/client.ts';
import { countFromZero } from './counter.ts';

type RequestRecorder = RefusalRecorder &
  Pick<AgentRouteRecorder, 'controlMessageIgnored'> &
  ClientRouteRecorder &
  UntakenRecorder;

export function countRequests(register: Registry): RequestRecorder {
  const refusals = countFromZero(
    register,
    'converge_refusals_total',
    'Requests refused before the upgrade, by code.',
    { code: Object.keys(REFUSALS) },
  );
  const ignored = countFromZero(
    register,
    'converge_control_messages_ignored_total',
    'Control messages of a type that this version does not know.',
    {},
  );
  const left = countFromZero(
    register,
    'converge_clients_left_total',
    'Clients that went away before they had a session.',
    {},
  );
  const malformed = countFromZero(
    register,
    'converge_malformed_requests_total',
    'Requests that no route could answer, by reason.',
    { reason: MALFORMED_REASONS },
  );
  const untaken = countFromZero(
    register,
    'converge_answers_untaken_total',
    'Answers, such as downloads, of which the peer took nothing for 30 s, so that it was cut.',
    {},
  );
  return {
    refused: (code) => {
      refusals.inc({ code });
    },
    controlMessageIgnored: () => {
      ignored.inc();
    },
    clientLeft: () => {
      left.inc();
    },
    requestMalformed: (reason) => {
      malformed.inc({ reason });
    },
    answerUntaken: () => {
      untaken.inc();
    },
  };
}

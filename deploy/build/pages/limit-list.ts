// The limits that nobody sets: the constants of the code, for the page of limits. Whoever adds one to the code adds a row here.
import { MAX_AUTHORIZED_KEYS_BYTES } from '../../../services/agent/access/authorized-keys.ts';
import {
  MAX_FAILURE_DELAY_MS,
  MAX_PASSWORD_FAILURES,
} from '../../../services/agent/access/password-guard.ts';
import { LOGIN_CROWD, LOGIN_GRACE_MS } from '../../../services/agent/crowd/login-limits.ts';
import { MAX_STRANGER_LINES } from '../../../services/agent/notices/stranger-log.ts';
import { STREAM_CROWD } from '../../../services/agent/relay/arrivals.ts';
import { FIRST_LINK_PATIENCE_MS } from '../../../services/agent/relay/link-failure.ts';
import {
  MAX_OPEN_HANDLES,
  MAX_PACKET_BYTES,
  MAX_WAITING_BYTES,
  MAX_WAITING_REQUESTS,
} from '../../../services/agent/sftp/limits.ts';
import {
  MAX_FAILURES_PER_CONNECTION,
  MAX_KEY_OFFERS_PER_CONNECTION,
} from '../../../services/agent/ssh/authentication.ts';
import { MAX_SESSION_CHANNELS_PER_CONNECTION } from '../../../services/agent/ssh/client-services.ts';
import { MAX_FORWARDED_STREAMS_PER_CONNECTION } from '../../../services/agent/ssh/forward/forward-context.ts';
import { MAX_REMOTE_LISTENERS_PER_CONNECTION } from '../../../services/agent/ssh/forward/forward-remote.ts';
import {
  MAX_CLIENT_VARIABLE_BYTES,
  MAX_CLIENT_VARIABLES,
} from '../../../services/agent/ssh/program/program-environment.ts';
import { MAX_SSH_PACKET_BYTES } from '../../../services/agent/ssh/ssh2/packet-limit.ts';
import { LONGEST_REDIAL_WAIT_MS } from '../../../services/clients/connection/resuming.ts';
import { MAX_COMMAND_BYTES } from '../../../services/relay/hop/command.ts';
import { MAX_DIAL_ORDER_BYTES } from '../../../services/relay/hop/dial-order.ts';
import { PROXY_HEADER_WITHIN_MS } from '../../../services/relay/http/listener/balanced-connections.ts';
import { UNTAKEN_FOR_MS } from '../../../services/relay/http/listener/untaken-answers.ts';
import { LINGER_AFTER_REFUSAL_MS } from '../../../services/relay/http/listener/upgrade.ts';
import { MAX_ACTION_BYTES, MAX_OPERATOR_NAME_LENGTH } from '../../../services/relay/http/operator/action.ts';
import {
  MAX_PEER_ANSWER_BYTES,
  PEER_VIEW_WITHIN_MS,
} from '../../../services/relay/http/operator/peer-question.ts';
import { MAX_PAGED_ROWS, MAX_SEARCH_LENGTH } from '../../../services/relay/http/operator/view-query.ts';
import { MAX_EARLY_BYTES } from '../../../services/relay/http/route/waiting-socket.ts';
import { CHALLENGE_SKEW_MS, CHALLENGE_TTL_MS } from '../../../services/relay/identity/challenge.ts';
import { MAX_LOG_BACKLOG_BYTES } from '../../../services/relay/log/log-output.ts';
import { FIRST_LINES } from '../../../services/relay/log/repeated-lines.ts';
import {
  MAX_BLOCK_MS,
  MAX_BLOCK_REASON_LENGTH,
  MAX_BLOCKS,
  MIN_BLOCK_MS,
} from '../../../services/relay/registry/blocks.ts';
import { REGISTRY_TIMEOUT_MS, RESERVATION_MS } from '../../../services/relay/registry/registry.ts';
import {
  AGENT_DIAL_TIMEOUT_MS,
  MAX_PENDING_DIALS_PER_AGENT,
} from '../../../services/relay/session/pending-dials.ts';
import { MAX_CONTROL_BYTES } from '../../../services/shared/protocol/control-messages.ts';
import { LEASE_MS } from '../../../services/shared/protocol/lease.ts';
import { MAX_WAIT_SECONDS } from '../../../services/shared/protocol/paths.ts';
import { MAX_REFUSAL_BYTES } from '../../../services/shared/protocol/refusals.ts';
import { MAX_RETRY_AFTER_MS } from '../../../services/shared/protocol/retry-after.ts';
import {
  MAX_PAYLOAD_BYTES,
  MAX_RESUMABLE_STREAMS,
  OPEN_TIMEOUT_MS,
  REPLAY_LIMIT_BYTES,
  STUCK_AFTER_MS,
} from '../../../services/shared/resume/limits.ts';
import { MAX_KEY_FILE_BYTES } from '../../../services/shared/signing/key-file.ts';
import {
  MAX_SSH_AGENT_KEYS,
  SSH_AGENT_LIST_WITHIN_MS,
  SSH_AGENT_SIGN_WITHIN_MS,
} from '../../../services/shared/signing/ssh-agent.ts';
import { MAX_SSH_AGENT_ANSWER_BYTES } from '../../../services/shared/signing/ssh-agent-request.ts';
import {
  MAX_CERTIFICATE_BYTES,
  MAX_CERTIFICATE_PRINCIPALS,
} from '../../../services/shared/ssh/certificate.ts';
import { MAX_RSA_BITS } from '../../../services/shared/ssh/public-key.ts';
import { MAX_REVOCATION_LIST_BYTES } from '../../../services/shared/ssh/revocation-file.ts';
import { MAX_CONTROL_BACKLOG_BYTES } from '../../../services/shared/websocket/control-link.ts';
import { MAX_FRAME_BYTES } from '../../../services/shared/websocket/frame-parser.ts';
import {
  CLOSE_WITHIN_MS,
  PING_EVERY_MS,
  PONG_WITHIN_MS,
} from '../../../services/shared/websocket/keepalive.ts';
import { AGENT_BUDGET } from '../../../services/shared/websocket/link-budget.ts';

export interface FixedLimit {
  readonly what: string;
  readonly value: number;
  /** What the value counts; bytes and milliseconds are written as people do. */
  readonly unit: 'bytes' | 'ms' | 's' | 'count';
  /** What happens past it. */
  readonly past: string;
}

/** By the part of the system that keeps them. */
export const FIXED_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'Relay: requests and control links': [
    {
      what: 'a control message',
      value: MAX_CONTROL_BYTES,
      unit: 'bytes',
      past: 'the link is closed (`too_big`)',
    },
    {
      what: 'control messages of an agent, at once',
      value: AGENT_BUDGET.messages.burst,
      unit: 'count',
      past: 'the link is closed (`over_budget`)',
    },
    {
      what: 'the same, each second in the long run',
      value: AGENT_BUDGET.messages.perSecond,
      unit: 'count',
      past: 'the link is closed (`over_budget`)',
    },
    {
      what: 'pings and pongs of an agent, each second in the long run',
      value: AGENT_BUDGET.pings.perSecond,
      unit: 'count',
      past: 'the link is closed (`over_budget`)',
    },
    {
      what: 'bytes of an agent on its link, each second in the long run',
      value: AGENT_BUDGET.bytes.perSecond,
      unit: 'bytes',
      past: 'the link is closed (`over_budget`)',
    },
    {
      what: 'control messages that an agent does not read',
      value: MAX_CONTROL_BACKLOG_BYTES,
      unit: 'bytes',
      past: 'the link is cut (`stuck`)',
    },
    { what: '`?wait=` of a client', value: MAX_WAIT_SECONDS, unit: 's', past: 'counts as the limit' },
    {
      what: 'clients that wait for the streams of one agent',
      value: MAX_PENDING_DIALS_PER_AGENT,
      unit: 'count',
      past: '429 `rate_limited`',
    },
    {
      what: 'from a dial to the stream of the agent',
      value: AGENT_DIAL_TIMEOUT_MS,
      unit: 'ms',
      past: '504 `agent_unresponsive`',
    },
    {
      what: 'what a client sends before it is answered',
      value: MAX_EARLY_BYTES,
      unit: 'bytes',
      past: 'the wait ends (`early`)',
    },
    {
      what: 'an answer of which nothing is taken',
      value: UNTAKEN_FOR_MS,
      unit: 'ms',
      past: 'the connection is cut',
    },
    {
      what: 'the PROXY header of a balancer',
      value: PROXY_HEADER_WITHIN_MS,
      unit: 'ms',
      past: 'the connection is cut (`proxy_header`)',
    },
    {
      what: 'a refused peer that keeps talking',
      value: LINGER_AFTER_REFUSAL_MS,
      unit: 'ms',
      past: 'the connection is cut',
    },
    { what: 'a dial order to another pod', value: MAX_DIAL_ORDER_BYTES, unit: 'bytes', past: '413' },
    { what: 'a command of an operator to another pod', value: MAX_COMMAND_BYTES, unit: 'bytes', past: '413' },
    {
      what: 'an answer of the registry',
      value: REGISTRY_TIMEOUT_MS,
      unit: 'ms',
      past: '503 `registry_unavailable`',
    },
    {
      what: 'an ID whose agent has no link',
      value: LEASE_MS,
      unit: 'ms',
      past: 'the ID is free for another claim',
    },
    {
      what: 'an ID that its pod does not renew, as every 15 s',
      value: RESERVATION_MS,
      unit: 'ms',
      past: 'the ID is free; its agent gets it back',
    },
    {
      what: 'lines of the log for one kind of refusal, in ten seconds',
      value: FIRST_LINES,
      unit: 'count',
      past: 'one line with the number of the rest',
    },
    {
      what: 'lines of the log that nobody takes',
      value: MAX_LOG_BACKLOG_BYTES,
      unit: 'bytes',
      past: 'later ones are dropped and counted',
    },
  ],
  'SSH keys and certificates that prove an identity': [
    { what: 'an RSA key, in bits', value: MAX_RSA_BITS, unit: 'count', past: 'refused' },
    {
      what: 'a certificate',
      value: MAX_CERTIFICATE_BYTES,
      unit: 'bytes',
      past: 'refused (`certificate_malformed`)',
    },
    {
      what: 'principals of a certificate',
      value: MAX_CERTIFICATE_PRINCIPALS,
      unit: 'count',
      past: 'refused (`certificate_malformed`)',
    },
    { what: 'a revocation list', value: MAX_REVOCATION_LIST_BYTES, unit: 'bytes', past: 'refused' },
    { what: 'the age of a challenge', value: CHALLENGE_TTL_MS, unit: 'ms', past: '401 `challenge_stale`' },
    {
      what: 'the same, by the clock of another pod: so much more',
      value: CHALLENGE_SKEW_MS,
      unit: 'ms',
      past: '401 `challenge_stale`',
    },
    { what: 'a key file', value: MAX_KEY_FILE_BYTES, unit: 'bytes', past: 'refused' },
    {
      what: 'an answer of an ssh-agent',
      value: MAX_SSH_AGENT_ANSWER_BYTES,
      unit: 'bytes',
      past: 'the ssh-agent is not used',
    },
    { what: 'keys of an ssh-agent', value: MAX_SSH_AGENT_KEYS, unit: 'count', past: 'not looked at' },
    {
      what: 'until an ssh-agent says what it has',
      value: SSH_AGENT_LIST_WITHIN_MS,
      unit: 'ms',
      past: 'the ssh-agent is not used',
    },
    {
      what: 'until it has signed, a touch included',
      value: SSH_AGENT_SIGN_WITHIN_MS,
      unit: 'ms',
      past: 'no proof by this key',
    },
  ],
  'Streams: every leg, at both ends': [
    {
      what: 'a WebSocket frame',
      value: MAX_FRAME_BYTES,
      unit: 'bytes',
      past: 'the stream is closed (`too_big`)',
    },
    { what: 'between two pings', value: PING_EVERY_MS, unit: 'ms', past: 'the next ping' },
    {
      what: 'the answer to a ping',
      value: PONG_WITHIN_MS,
      unit: 'ms',
      past: 'the leg is cut (`unanswered_ping`)',
    },
    {
      what: 'the last bytes after a close',
      value: CLOSE_WITHIN_MS,
      unit: 'ms',
      past: 'the leg is cut (`stuck`)',
    },
  ],
  'Resumable stream: client and agent': [
    { what: 'the payload of a frame', value: MAX_PAYLOAD_BYTES, unit: 'bytes', past: 'RESET (`too_big`)' },
    {
      what: 'bytes that are not acknowledged, each way',
      value: REPLAY_LIMIT_BYTES,
      unit: 'bytes',
      past: 'the sender waits',
    },
    { what: 'from OPEN to OPENED', value: OPEN_TIMEOUT_MS, unit: 'ms', past: 'another transport is dialled' },
    {
      what: 'a peer that takes nothing of the end, on a transport that lives',
      value: STUCK_AFTER_MS,
      unit: 'ms',
      past: 'the stream is given up',
    },
    {
      what: 'resumable streams that one agent keeps',
      value: MAX_RESUMABLE_STREAMS,
      unit: 'count',
      past: 'REFUSED',
    },
  ],
  'Agent and clients: what they wait for': [
    {
      what: 'a Retry-After that is obeyed',
      value: MAX_RETRY_AFTER_MS,
      unit: 'ms',
      past: 'counts as the limit; over an hour it is ignored',
    },
    {
      what: 'the same while a resumable stream waits to go on',
      value: LONGEST_REDIAL_WAIT_MS,
      unit: 'ms',
      past: 'counts as the limit',
    },
    {
      what: 'an agent whose first relay does not take it',
      value: FIRST_LINK_PATIENCE_MS,
      unit: 'ms',
      past: 'exit code 3',
    },
    { what: 'the body of a refusal', value: MAX_REFUSAL_BYTES, unit: 'bytes', past: 'the rest is not read' },
  ],
  "A relay: the operator's page": [
    { what: 'blocks', value: MAX_BLOCKS, unit: 'count', past: 'refused: remove some' },
    { what: 'the longest block', value: MAX_BLOCK_MS, unit: 'ms', past: 'refused' },
    { what: 'the shortest block', value: MIN_BLOCK_MS, unit: 'ms', past: 'refused' },
    {
      what: 'characters in the reason of a block',
      value: MAX_BLOCK_REASON_LENGTH,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'characters in the name of an operator',
      value: MAX_OPERATOR_NAME_LENGTH,
      unit: 'count',
      past: 'refused',
    },
    { what: 'the form of an action', value: MAX_ACTION_BYTES, unit: 'bytes', past: '413' },
    {
      what: 'characters in a search',
      value: MAX_SEARCH_LENGTH,
      unit: 'count',
      past: 'the rest is not looked for',
    },
    {
      what: 'rows that are paged through',
      value: MAX_PAGED_ROWS,
      unit: 'count',
      past: 'search for the rest',
    },
    {
      what: 'the answer of another pod',
      value: PEER_VIEW_WITHIN_MS,
      unit: 'ms',
      past: 'the page says that it does not answer',
    },
    { what: 'the same in length', value: MAX_PEER_ANSWER_BYTES, unit: 'bytes', past: 'the same' },
  ],
  'Agent: SSH': [
    { what: 'a login', value: LOGIN_GRACE_MS, unit: 'ms', past: 'the connection is closed' },
    {
      what: 'connections without a login',
      value: LOGIN_CROWD.full,
      unit: 'count',
      past: 'one of the address with the most goes',
    },
    {
      what: 'the same of one address',
      value: LOGIN_CROWD.perSource,
      unit: 'count',
      past: 'one of them goes',
    },
    {
      what: 'streams before their first words',
      value: STREAM_CROWD.full,
      unit: 'count',
      past: 'one of the address with the most goes',
    },
    {
      what: 'the same of one address',
      value: STREAM_CROWD.perSource,
      unit: 'count',
      past: 'one of them goes',
    },
    {
      what: 'wrong passwords by anybody',
      value: MAX_PASSWORD_FAILURES,
      unit: 'count',
      past: 'password login is off',
    },
    {
      what: 'the delay of the next guess from an address',
      value: MAX_FAILURE_DELAY_MS,
      unit: 'ms',
      past: 'it grows no more',
    },
    {
      what: 'job log lines about strangers, in ten seconds',
      value: MAX_STRANGER_LINES,
      unit: 'count',
      past: 'one line with the number of the rest',
    },
    {
      what: 'failed logins of a connection',
      value: MAX_FAILURES_PER_CONNECTION,
      unit: 'count',
      past: 'the connection is closed',
    },
    {
      what: 'keys that a connection offers',
      value: MAX_KEY_OFFERS_PER_CONNECTION,
      unit: 'count',
      past: 'the connection is closed',
    },
    { what: 'a packet', value: MAX_SSH_PACKET_BYTES, unit: 'bytes', past: 'the connection is closed' },
    {
      what: 'channels of a connection',
      value: MAX_SESSION_CHANNELS_PER_CONNECTION,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'forwarded streams of a connection',
      value: MAX_FORWARDED_STREAMS_PER_CONNECTION,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'listeners for `ssh -R` of a connection',
      value: MAX_REMOTE_LISTENERS_PER_CONNECTION,
      unit: 'count',
      past: 'refused',
    },
    { what: 'variables that a client sets', value: MAX_CLIENT_VARIABLES, unit: 'count', past: 'ignored' },
    { what: 'one of them', value: MAX_CLIENT_VARIABLE_BYTES, unit: 'bytes', past: 'ignored' },
    { what: 'a file of authorized keys', value: MAX_AUTHORIZED_KEYS_BYTES, unit: 'bytes', past: 'refused' },
  ],
  'Agent: sftp, each connection': [
    { what: 'a packet', value: MAX_PACKET_BYTES, unit: 'bytes', past: 'the connection ends' },
    { what: 'open handles', value: MAX_OPEN_HANDLES, unit: 'count', past: 'the request fails' },
    { what: 'requests that wait', value: MAX_WAITING_REQUESTS, unit: 'count', past: 'reading pauses' },
    { what: 'bytes of them', value: MAX_WAITING_BYTES, unit: 'bytes', past: 'reading pauses' },
  ],
};

// The limits that nobody sets: the constants of the code, for the page of limits. Whoever adds one to the code adds a row here.
import { MAX_IDENTITY_CHARACTERS, MAX_PASS_CHARACTERS } from '#shared/protocol/identity.ts';
import { ADD_EVERY_MS } from '../../../services/relay/gate/allowances.ts';
import { CLIENT_PASS_LIFE_MS } from '../../../services/relay/gate/gate.ts';
import { MAX_COMMAND_BYTES } from '../../../services/relay/hop/command.ts';
import { MAX_DIAL_ORDER_BYTES } from '../../../services/relay/hop/dial-order.ts';
import { PROXY_HEADER_WITHIN_MS } from '../../../services/relay/http/listener/balanced-connections.ts';
import { UNTAKEN_FOR_MS } from '../../../services/relay/http/listener/untaken-answers.ts';
import { LINGER_AFTER_REFUSAL_MS } from '../../../services/relay/http/listener/upgrade.ts';
import { END_GRACE_MS } from '../../../services/relay/http/route/agent.ts';
import { MAX_EARLY_BYTES } from '../../../services/relay/http/route/waiting-socket.ts';
import { CHALLENGE_SKEW_MS, CHALLENGE_TTL_MS } from '../../../services/relay/identity/challenge.ts';
import {
  WRONG_PROOFS_AT_ONCE,
  WRONG_PROOFS_PER_SECOND,
} from '../../../services/relay/limits/address-limits.ts';
import { MAX_LOG_BACKLOG_BYTES } from '../../../services/relay/log/log-output.ts';
import { FIRST_LINES } from '../../../services/relay/log/repeated-lines.ts';
import { PUMP_READ_BYTES } from '../../../services/relay/pump/pump-addon.ts';
import { REGISTRY_TIMEOUT_MS, RESERVATION_MS } from '../../../services/relay/registry/registry.ts';
import { PLACE_LIFE_MS, SUM_LIFE_MS } from '../../../services/relay/registry/tally.ts';
import {
  AGENT_DIAL_TIMEOUT_MS,
  MAX_PENDING_DIALS_PER_AGENT,
} from '../../../services/relay/session/pending-dials.ts';
import { MAX_CONTROL_BYTES } from '../../../services/shared/protocol/control-messages.ts';
import { LEASE_MS } from '../../../services/shared/protocol/lease.ts';
import { MAX_WAIT_SECONDS } from '../../../services/shared/protocol/paths.ts';
import {
  MAX_PAYLOAD_BYTES,
  MAX_RESUMABLE_STREAMS,
  OPEN_TIMEOUT_MS,
  REPLAY_LIMIT_BYTES,
  STUCK_AFTER_MS,
} from '../../../services/shared/resume/limits.ts';
import { MAX_KEY_FILE_BYTES } from '../../../services/shared/signing/small-file.ts';
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
import { AGENT_LIMITS } from './agent-limits.ts';
import { AUDIT_LIMITS } from './audit-limits.ts';
import { BROWSER_LIMITS } from './browser-limits.ts';
import { CI_LIMITS } from './ci-limits.ts';
import { CLIENT_LIMITS } from './client-limits.ts';
import type { FixedLimit } from './fixed-limit.ts';
import { OPERATOR_LIMITS } from './operator-limits.ts';
import { POLICY_LIMITS } from './policy-limits.ts';
import { SIGN_ON_LIMITS } from './sign-on-limits.ts';
import { TELL_LIMITS } from './tell-limits.ts';
import { TERMINAL_LIMITS } from './terminal-limits.ts';
import { TOKEN_LIMITS } from './token-limits.ts';

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
  'Relay: who may come in': [
    {
      what: 'wrong proofs of one client address at once (`address_proofs` in metrics)',
      value: WRONG_PROOFS_AT_ONCE,
      unit: 'count',
      past: '429 with Retry-After, without a look at the proof',
    },
    {
      what: 'the same, in each second after that',
      value: WRONG_PROOFS_PER_SECOND,
      unit: 'count',
      past: '429 with Retry-After, without a look at the proof',
    },
    {
      what: 'a proof of identity, in characters',
      value: MAX_IDENTITY_CHARACTERS,
      unit: 'count',
      past: '401 `identity_malformed`',
    },
    { what: 'a pass, in characters', value: MAX_PASS_CHARACTERS, unit: 'count', past: 'it counts as none' },
    {
      what: 'how long a client may come back with its pass',
      value: CLIENT_PASS_LIFE_MS,
      unit: 'ms',
      past: 'it needs a proof again',
    },
    {
      what: 'from the end of the time of a rule to the end of an agent that goes on',
      value: END_GRACE_MS,
      unit: 'ms',
      past: 'its link is closed (`expired`)',
    },
    {
      what: 'a place under a limit of a rule without a word of its pod',
      value: PLACE_LIFE_MS,
      unit: 'ms',
      past: 'it is free',
    },
    {
      what: 'the sum of the bytes of an agent without a session',
      value: SUM_LIFE_MS,
      unit: 'ms',
      past: 'it is forgotten',
    },
    {
      what: 'until bytes of one pod count on the others',
      value: ADD_EVERY_MS,
      unit: 'ms',
      past: 'they are added',
    },
  ],
  'Relay: the policy': POLICY_LIMITS,
  'Tokens of CI systems': TOKEN_LIMITS,
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
  ...SIGN_ON_LIMITS,
  ...OPERATOR_LIMITS,
  'Streams: every leg, at both ends': [
    {
      what: 'a WebSocket frame',
      value: MAX_FRAME_BYTES,
      unit: 'bytes',
      past: 'the stream is closed (`too_big`)',
    },
    {
      what: 'what the native pump reads at once, and holds for a peer that does not read',
      value: PUMP_READ_BYTES,
      unit: 'bytes',
      past: 'the other leg is not read',
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
  ...AGENT_LIMITS,
  ...CLIENT_LIMITS,
  ...BROWSER_LIMITS,
  ...TERMINAL_LIMITS,
  ...AUDIT_LIMITS,
  ...TELL_LIMITS,
  ...CI_LIMITS,
};

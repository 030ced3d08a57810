// The fixed limits of the agent, and of agent and clients together: rows of docs/limits.md.
import { MAX_ALLOWED_KEYS } from '../../../services/agent/access/access-list.ts';
import {
  MAX_KEYS_PER_ACCOUNT,
  MAX_TEAM_MEMBERS,
  TEAM_WITHIN_MS,
} from '../../../services/agent/access/account-keys.ts';
import { MAX_AUTHORIZED_KEYS_BYTES } from '../../../services/agent/access/authorized-keys.ts';
import { MAX_KEYS_BYTES } from '../../../services/agent/access/authorized-keys-source.ts';
import { LOOK_AGAIN_AFTER_MS, MAX_ACCOUNTS } from '../../../services/agent/access/key-accounts.ts';
import { LINK_SECRET_WITHIN_MS } from '../../../services/agent/access/link-secret.ts';
import {
  MAX_FAILURE_DELAY_MS,
  MAX_PASSWORD_FAILURES,
} from '../../../services/agent/access/password-guard.ts';
import { ACCESS_WITHIN_MS } from '../../../services/agent/access/relay-access.ts';
import { KEYS_FETCH_TIMEOUT_MS } from '../../../services/agent/access/source.ts';
import { MAX_USER_AUTHORITIES } from '../../../services/agent/access/user-authorities.ts';
import { MAX_LOG_BYTES } from '../../../services/agent/background/background-log.ts';
import { STATE_KEPT_MS } from '../../../services/agent/background/claim.ts';
import { PROGRAM_KEPT_MS } from '../../../services/agent/background/kept-program.ts';
import { ENDED_WITHIN_MS } from '../../../services/agent/background/waiting-end.ts';
import { MAX_REPLY_BYTES, MAX_REQUEST_BYTES } from '../../../services/agent/converge-command/request.ts';
import { MAX_TOLD_CLIENTS } from '../../../services/agent/converge-command/status-reply.ts';
import { LOGIN_CROWD, LOGIN_GRACE_MS } from '../../../services/agent/crowd/login-limits.ts';
import { FILE_TIME_TOLERANCE_MS } from '../../../services/agent/expiry/hold-file.ts';
import {
  MAX_TOKEN_COMMAND_BYTES,
  TOKEN_COMMAND_TIMEOUT_MS,
} from '../../../services/agent/identity/command-token.ts';
import {
  MAX_TOKEN_ANSWER_BYTES,
  TOKEN_FETCH_ATTEMPTS,
  TOKEN_FETCH_TIMEOUT_MS,
} from '../../../services/agent/identity/github-token.ts';
import { TOKEN_KEPT_MS } from '../../../services/agent/identity/id-token-maker.ts';
import { LEFT_AFTER_MS, MAX_COMPANY_LINES } from '../../../services/agent/life/company.ts';
import {
  RETURN_AFTER_BYTES,
  RETURN_EVERY_MS,
  RETURN_QUIET_BYTES,
  RETURN_QUIET_MS,
} from '../../../services/agent/life/memory-return.ts';
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
  MAX_CERTIFICATES_TOLD,
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
import { ADJUST_FROM_BYTES, CLIENT_WINDOW_BYTES } from '../../../services/agent/ssh/ssh2/window-adjust.ts';
import { LONGEST_REDIAL_WAIT_MS } from '../../../services/clients/connection/resuming.ts';
import { MAX_PROOFS_PER_DIAL } from '../../../services/shared/identity/proving-dial.ts';
import { MAX_SHOWN_TOKEN_CHARACTERS } from '../../../services/shared/identity/token-maker.ts';
import { MAX_ACCESS_ENTRIES } from '../../../services/shared/protocol/access.ts';
import { MAX_REFUSAL_BYTES } from '../../../services/shared/protocol/refusals.ts';
import { MAX_RETRY_AFTER_MS } from '../../../services/shared/protocol/retry-after.ts';
import { MAX_SHOWN_REFUSAL_LENGTH } from '../../../services/shared/websocket/dial-failure-text.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const AGENT_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
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
    {
      what: 'characters that are shown of its message',
      value: MAX_SHOWN_REFUSAL_LENGTH,
      unit: 'count',
      past: 'the rest is not shown',
    },
  ],
  'Agent and clients: who they are': [
    {
      what: 'proofs that are shown one after the other',
      value: MAX_PROOFS_PER_DIAL,
      unit: 'count',
      past: 'the dial has failed',
    },
    { what: 'characters of a token', value: MAX_SHOWN_TOKEN_CHARACTERS, unit: 'count', past: 'not shown' },
    {
      what: 'an identity token is shown again for',
      value: TOKEN_KEPT_MS,
      unit: 'ms',
      past: 'another one is asked for',
    },
    {
      what: 'an attempt to get one from GitHub',
      value: TOKEN_FETCH_TIMEOUT_MS,
      unit: 'ms',
      past: 'another attempt',
    },
    {
      what: 'such attempts',
      value: TOKEN_FETCH_ATTEMPTS,
      unit: 'count',
      past: 'the dial has failed, and is tried again',
    },
    { what: 'the answer to one', value: MAX_TOKEN_ANSWER_BYTES, unit: 'bytes', past: 'no token' },
    {
      what: 'the command of CircleCI or Buildkite',
      value: TOKEN_COMMAND_TIMEOUT_MS,
      unit: 'ms',
      past: 'killed; the dial is tried again',
    },
    { what: 'what it prints', value: MAX_TOKEN_COMMAND_BYTES, unit: 'bytes', past: 'killed' },
  ],
  'Agent: in the background of a job': [
    { what: 'its log', value: MAX_LOG_BYTES, unit: 'bytes', past: 'later lines are left out' },
    {
      what: 'what an agent left that nobody waited for',
      value: STATE_KEPT_MS,
      unit: 'ms',
      past: 'the next `agent start` removes it',
    },
    {
      what: 'a copy of the program that no `agent start` has used',
      value: PROGRAM_KEPT_MS,
      unit: 'ms',
      past: 'the next `agent start` removes it',
    },
    {
      what: 'the end of an agent that `wait` or `stop` has asked for',
      value: ENDED_WITHIN_MS,
      unit: 'ms',
      past: 'it is not waited for',
    },
  ],
  'Agent: memory': [
    {
      what: 'what clients have moved, both ways',
      value: RETURN_AFTER_BYTES,
      unit: 'bytes',
      past: 'once it is quiet, memory that nothing uses goes back to the system (on Linux)',
    },
    { what: 'quiet: so long', value: RETURN_QUIET_MS, unit: 'ms', past: 'memory is given back' },
    { what: 'quiet: so much in that time', value: RETURN_QUIET_BYTES, unit: 'bytes', past: 'it waits' },
    {
      what: 'from one time to the next',
      value: RETURN_EVERY_MS,
      unit: 'ms',
      past: 'memory is given back again',
    },
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
      what: 'a link that lets in (`--link`)',
      value: LINK_SECRET_WITHIN_MS,
      unit: 'ms',
      past: 'its secret is a wrong password',
    },
    {
      what: 'job log lines about strangers, in ten seconds',
      value: MAX_STRANGER_LINES,
      unit: 'count',
      past: 'one line with the number of the rest',
    },
    {
      what: 'lines in the shells about who joins and leaves, in ten seconds',
      value: MAX_COMPANY_LINES,
      unit: 'count',
      past: 'one line with the number of the rest',
    },
    {
      what: 'somebody may be away before the others read that they left',
      value: LEFT_AFTER_MS,
      unit: 'ms',
      past: 'the line',
    },
    {
      what: 'clients that `converge status` tells one by one',
      value: MAX_TOLD_CLIENTS,
      unit: 'count',
      past: 'counted',
    },
    {
      what: 'a question of `converge` to the agent',
      value: MAX_REQUEST_BYTES,
      unit: 'bytes',
      past: 'not answered',
    },
    { what: 'its answer', value: MAX_REPLY_BYTES, unit: 'bytes', past: 'not read' },
    {
      what: 'a hold file may look older than the start of the agent by',
      value: FILE_TIME_TOLERANCE_MS,
      unit: 'ms',
      past: 'it holds nothing until it is touched',
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
      what: 'what a client may send on a channel before it is told to go on',
      value: CLIENT_WINDOW_BYTES,
      unit: 'bytes',
      past: 'a tenth more: the connection is closed',
    },
    {
      what: 'what it has used of that before it gets it back',
      value: ADJUST_FROM_BYTES,
      unit: 'bytes',
      past: 'it is told to go on, unless nobody reads',
    },
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
  'Agent: accounts and certificates': [
    { what: 'accounts', value: MAX_ACCOUNTS, unit: 'count', past: 'exit code 2' },
    { what: 'keys of one account', value: MAX_KEYS_PER_ACCOUNT, unit: 'count', past: 'refused' },
    { what: 'people in a team', value: MAX_TEAM_MEMBERS, unit: 'count', past: 'refused' },
    { what: 'the time for a team', value: TEAM_WITHIN_MS, unit: 'ms', past: 'asked again later' },
    { what: 'what is fetched of one of them', value: MAX_KEYS_BYTES, unit: 'bytes', past: 'refused' },
    { what: 'the time for it', value: KEYS_FETCH_TIMEOUT_MS, unit: 'ms', past: 'asked again later' },
    {
      what: 'from one look for an unknown key to the next',
      value: LOOK_AGAIN_AFTER_MS,
      unit: 'ms',
      past: 'an unknown key is refused unasked',
    },
    { what: 'keys that `converge allow` lets in', value: MAX_ALLOWED_KEYS, unit: 'count', past: 'refused' },
    { what: 'authorities in a file', value: MAX_USER_AUTHORITIES, unit: 'count', past: 'exit code 2' },
    {
      what: 'certificates that a connection offers in vain',
      value: MAX_CERTIFICATES_TOLD,
      unit: 'count',
      past: 'not in the job log',
    },
    {
      what: 'authorities or people that a relay names',
      value: MAX_ACCESS_ENTRIES,
      unit: 'count',
      past: 'its word counts for nothing',
    },
    {
      what: 'the wait for its word after `--access policy`',
      value: ACCESS_WITHIN_MS,
      unit: 'ms',
      past: 'the job log says that none came',
    },
  ],
  'Agent: sftp, each connection': [
    { what: 'a packet', value: MAX_PACKET_BYTES, unit: 'bytes', past: 'the connection ends' },
    { what: 'open handles', value: MAX_OPEN_HANDLES, unit: 'count', past: 'the request fails' },
    { what: 'requests that wait', value: MAX_WAITING_REQUESTS, unit: 'count', past: 'reading pauses' },
    { what: 'bytes of them', value: MAX_WAITING_BYTES, unit: 'bytes', past: 'reading pauses' },
  ],
};

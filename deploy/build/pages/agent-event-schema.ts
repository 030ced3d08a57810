// The schema of what an agent tells programs: every line of `--json`, and the body of a webhook. The page and the tests are made from it.
import { z } from 'zod';
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import { RESUME_CODES } from '#shared/resume/codes.ts';
import { END_REASONS } from '../../../services/agent/expiry/end-reason.ts';
import { type AgentEventName, MAX_TOLD_NAME_LENGTH } from '../../../services/agent/tell/event-object.ts';
import { NOTICE_KINDS } from '../../../services/agent/tell/notice.ts';

const text = z.string();
const name = z.string().max(MAX_TOLD_NAME_LENGTH);
const moment = z.iso.datetime();
const seconds = z.number().min(0);
const count = z.int().min(0);
const fingerprint = z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/);

/** The same in every line. */
const TIME = { time: moment.describe('when it happened, by the clock of the job') };

/** The same in every line but the card. */
export const EVENT_HEAD = {
  ...TIME,
  text: text.describe('the words of the job log, to be shown and not to be parsed'),
};

const UNTIL = {
  deadline: moment.describe('when the agent ends if nothing else happens'),
  secondsLeft: seconds.describe('how long that is from `time`'),
};

const WHO = {
  address: text.describe('of the client, as the relay sees it'),
  user: name.describe('the name that it logged in with'),
};

const DEPARTURE = {
  ...WHO,
  seconds: seconds.describe('how long it was in'),
  clients: count.describe('how many are still in'),
};

const PLACE = {
  id: text.describe('the ID of the agent'),
  relay: z.url().describe('the relay, as people reach it'),
  url: z.url().describe('for `wsproxy`: with the fingerprint of the host key behind `#`'),
  link: z
    .url()
    .describe('for a browser: the terminal, else the page with commands. Lets nobody in by itself'),
  fingerprint: fingerprint.describe('of the host key'),
  user: text.describe('the name to log in with'),
};

const credential = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('password') }),
    z.strictObject({ kind: z.literal('key'), fingerprint, comment: name.optional() }),
    z.strictObject({
      kind: z.literal('certificate'),
      fingerprint,
      keyId: name,
      serial: text,
      caFingerprint: fingerprint,
    }),
  ])
  .describe('what it logged in with: `kind`, and of a key or certificate whose it is');

const closeReason = z.enum(Object.keys(CLOSE_REASONS)).describe('docs/protocol.md, "Close codes"');

function line<Name extends AgentEventName, Fields extends z.ZodRawShape>(
  event: Name,
  what: string,
  fields: Fields,
) {
  return z.strictObject({ event: z.literal(event), ...EVENT_HEAD, ...fields }).describe(what);
}

/** One event more does not compile before it is here. */
export const AGENT_EVENTS = {
  card: z
    .strictObject({
      event: z.literal('card'),
      ...TIME,
      ...PLACE,
      terminal: z
        .url()
        .optional()
        .describe(
          'the terminal in a browser. With `--link` it holds a secret that lets in once: not to be passed on',
        ),
      entry: z.enum(['password', 'keys']).describe('what people enter with'),
      password: text
        .optional()
        .describe(
          'the one that the agent made, as the printed card has it; left out where one was set, or keys are',
        ),
      commands: z
        .strictObject({ get: text, ssh: text, sftp: text, scp: text })
        .describe('for a shell: to get `wsproxy`, a shell in the job, files'),
      deadline: UNTIL.deadline,
      lastDeadline: moment.describe('the latest that anything can move the deadline to'),
    })
    .describe(
      'The job is open: all that the printed card says. Once, and first of those that mean that somebody can come.',
    ),
  waiting: line('waiting', 'Nobody is in. Once a minute, as long as that is so.', UNTIL),
  cut_off: line('cut_off', 'Nobody is in, and no relay has the agent. In place of `waiting`.', {
    since: moment.describe('when the last relay was lost'),
    ...UNTIL,
  }),
  client_connected: line('client_connected', 'A connection, from anybody.', {
    address: WHO.address,
  }),
  client_joined: line('client_joined', 'A client has logged in. `sftp` and `scp` log in as well.', {
    ...WHO,
    by: credential,
  }),
  client_left: line('client_left', 'A client is gone, with a goodbye or because it never ran anything.', {
    ...DEPARTURE,
    ranSomething: z.boolean().describe('false: no shell, transfer or forward. Then it ends nothing'),
  }),
  client_lost: line('client_lost', 'A client is gone without a goodbye. The agent goes on waiting.', {
    ...DEPARTURE,
    reason: z.enum(['lost', 'fault']).describe('the network, or a fault'),
    ...UNTIL,
  }),
  login_refused: line('login_refused', 'A login failed.', {
    ...WHO,
    reason: text.describe('why'),
    attempt: count.describe('of this connection'),
  }),
  held: line('held', 'A hold begins: the agent stays when the last client has left.', {
    by: z.enum(['file', 'memory']).describe('the hold file, or the memory of the agent alone'),
    ...UNTIL,
  }),
  hold_old: line('hold_old', 'The hold file is older than the agent, and holds nothing.', {}),
  released: line('released', 'The hold is gone.', { ...UNTIL, clients: DEPARTURE.clients }),
  hold_unreadable: line('hold_unreadable', 'The hold file cannot be looked at.', {
    code: text.describe('of the file system: `EACCES`'),
  }),
  ending: line('ending', 'The end is near: five minutes before it, one, and ten seconds.', UNTIL),
  ended: line('ended', 'The last line. The process ends after it, with this code.', {
    reason: z
      .enum([...Object.keys(END_REASONS), 'unreachable', 'refused', 'version', 'fault'])
      .describe('the table below'),
    exitCode: count.describe('of the process'),
  }),
  relay_lost: line('relay_lost', 'No relay has the agent any more; it dials. Sessions wait.', {
    reason: closeReason,
  }),
  relay_back: line('relay_back', 'A relay has it again.', { pod: name.describe('which one') }),
  session_changed: line('session_changed', 'What happens to the connection below a session.', {
    address: WHO.address,
    change: z
      .enum([
        'opened',
        'detached',
        'resumed',
        'given_up',
        'ended_by_operator',
        'reset',
        'refused',
        'finished',
      ])
      .describe('what'),
    reason: closeReason.optional(),
    afterSeconds: seconds.optional().describe('how long it was without a connection'),
    replayedBytes: count.optional().describe('how much was sent again'),
    by: z.enum(['agent', 'client']).optional().describe('who broke it off'),
    code: z.enum(Object.keys(RESUME_CODES)).optional().describe('docs/protocol.md'),
  }),
  ssh: line('ssh', 'What the SSH server has to say.', {
    what: text.describe('constant words'),
    fields: z.record(z.string(), z.unknown()).describe('their data, which may change with any version'),
  }),
  crowded: line('crowded', 'Too many at once: what has no line of its own, counted.', {
    turnedAway: count.describe('connections that had to go'),
    leftOut: count.describe('lines that were left out'),
    withinSeconds: seconds.describe('since when'),
    mostFrom: z
      .strictObject({ source: text, count })
      .optional()
      .describe('the busiest of those that had to go'),
  }),
  password_shut: line('password_shut', 'Password login is off after too many wrong ones.', {
    failures: count.describe('how many'),
    command: text.optional().describe('the path of `converge` in the job, which turns it on again'),
  }),
  password_turned: line('password_turned', 'Somebody in a session turned password login on or off.', {
    state: z.enum(['on', 'off']).describe('what it is now'),
  }),
  key_allowed: line('key_allowed', 'Somebody in a session let a key in.', {
    fingerprint: fingerprint.describe('of the key'),
    comment: name.describe('of the key, as it was given'),
  }),
  note: line('note', 'Anything else, in words.', {}),
} as const satisfies { readonly [Name in AgentEventName]: z.ZodObject };

/** Any line. */
export const AGENT_EVENT = z.discriminatedUnion('event', [
  AGENT_EVENTS.card,
  ...Object.values(AGENT_EVENTS).slice(1),
]);

/** In a notice a card has no password, and no terminal that lets in. */
const NOTICE_EVENT = z.discriminatedUnion('event', [
  AGENT_EVENTS.card.omit({ password: true, terminal: true }),
  AGENT_EVENTS.client_joined,
  AGENT_EVENTS.ending,
  AGENT_EVENTS.ended,
]);

/** The body that a webhook without a preset gets. */
export const AGENT_NOTICE = z
  .strictObject({
    notice: z.enum(NOTICE_KINDS).describe('what it is about'),
    ...TIME,
    ...PLACE,
    ssh: text.describe('the command for a shell in the job'),
    deadline: UNTIL.deadline.optional(),
    secondsLeft: UNTIL.secondsLeft.optional(),
    job: z
      .strictObject({
        system: text.describe('the CI system'),
        name: text.optional().describe('project and job, by the words of the system'),
        url: z.url().optional().describe('its page'),
      })
      .optional()
      .describe('the CI job, where the system is known: `system`, `name`, `url`'),
    event: NOTICE_EVENT.describe('the line of `--json`; that of the card without `password` and `terminal`'),
  })
  .describe('What `--notify` sends.');

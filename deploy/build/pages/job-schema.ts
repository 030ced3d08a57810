// The schema of job records: what agents sign, with every field. The page and the tests are made from it.
import { z } from 'zod';
import { JOB_RECORD_VERSION, type JobEventName } from '../../../services/agent/audit/job-record.ts';

const text = z.string();
const seconds = z.number().min(0);
const count = z.int().min(0);

/** The same in every record. */
export const RECORD_HEAD = {
  v: z.literal(JOB_RECORD_VERSION).describe('the version of the form'),
  id: text.describe('the ID of the agent'),
  seq: z.int().min(1).describe('the place in the chain of this host key, from 1'),
  prev: text.describe('the SHA-256 of the text before it, in base64url; empty for the first'),
  time: z.iso.datetime().describe('by the clock of the job'),
};

const CONNECTION = { connection: text.describe('names the SSH connection') };
const CHANNEL = { ...CONNECTION, channel: z.int().min(1).describe('counts the session channels of it') };
const PERSON = {
  ...CONNECTION,
  address: text.describe('of the client, as the relay told the agent'),
  user: text.describe('the name that was given'),
};

function record<Name extends JobEventName, Fields extends z.ZodRawShape>(
  event: Name,
  what: string,
  fields: Fields,
) {
  return z.strictObject({ ...RECORD_HEAD, event: z.literal(event), ...fields }).describe(what);
}

/** One event more does not compile before it is here. */
export const JOB_RECORDS = {
  job_opened: record('job_opened', 'The first of a chain: a relay has asked for records.', {
    since: z.iso.datetime().describe('when the agent started'),
    hostKey: text.describe('the fingerprint of its host key, as the job log has it'),
    provider: text.optional().describe('the CI system'),
    paths: z.boolean().describe('whether it was started with `--audit-paths`'),
  }),
  login: record('login', 'Somebody is in.', {
    ...PERSON,
    method: z.enum(['password', 'key', 'certificate']).describe('how they proved it'),
    key: text.optional().describe('fingerprint of their key; left out for a password'),
    certificate: z
      .strictObject({ keyId: text, serial: text, authority: text, principals: z.array(text) })
      .optional()
      .describe('what the certificate says, and the fingerprint of the key that signed it'),
  }),
  login_refused: record('login_refused', 'Somebody is not.', {
    ...PERSON,
    method: text.describe('as SSH calls it'),
    why: text.describe('a sentence, with the fingerprints of keys that were offered'),
  }),
  logins_refused: record('logins_refused', 'Further failed logins in ten seconds, counted.', {
    count: count.describe('how many'),
    addresses: z.record(text, count).describe('the busiest, with their part'),
  }),
  program_started: record('program_started', 'A shell, a command or SFTP was asked for.', {
    ...CHANNEL,
    what: z.enum(['shell', 'command', 'sftp']).describe('which of them'),
    command: text
      .optional()
      .describe('its name without folder, variables and arguments; `?` where that needs a shell to tell'),
    terminal: z.boolean().describe('whether it has a terminal'),
    isForced: z.boolean().describe('whether a certificate says what runs in its place'),
  }),
  program_ended: record('program_ended', 'Its channel is closed.', {
    ...CHANNEL,
    exit: z.int().optional().describe('its exit code'),
    signal: text.optional().describe('the signal that ended it; with neither, the client went first'),
    seconds: seconds.describe('how long it was'),
    bytes: z
      .strictObject({ received: count, sent: count })
      .describe('input and output; of SFTP, of files written and read'),
  }),
  forward: record('forward', 'A forward was asked for; once for each target of a connection.', {
    ...CONNECTION,
    direction: z.enum(['local', 'remote', 'ssh_agent']).describe('`ssh -L` and `-D`, `-R`, `-A`'),
    isAllowed: z.boolean().describe('whether the agent permits it'),
    target: text.optional().describe('`HOST:PORT`, or `socket`'),
    path: text.optional().describe('of a socket, with `--audit-paths` only'),
  }),
  file: record('file', 'With `--audit-paths` only: an SFTP request for a file or folder.', {
    ...CHANNEL,
    request: text.describe(
      '`open`, `list`, `remove`, `mkdir`, `rmdir`, `rename`, `link`, `symlink`, `setstat`',
    ),
    path: text.describe('or two: `FROM -> TO`'),
  }),
  logout: record('logout', 'They are out.', {
    ...PERSON,
    reason: z.enum(['client_left', 'lost', 'stopped', 'fault']).describe('why'),
    seconds: seconds.describe('since the login'),
    wasServed: z.boolean().describe('whether a program, SFTP or a forward ever ran for them'),
    forwards: count.describe('how many streams and listeners they asked to be forwarded'),
  }),
  records_lost: record('records_lost', 'Records are missing here: no relay took them.', {
    count: count.describe('how many'),
  }),
  job_closed: record('job_closed', 'The last of a chain that has its end.', {
    reason: text.describe('why the agent ended'),
  }),
} as const satisfies { readonly [Name in JobEventName]: z.ZodObject };

/** Any record. */
export const JOB_RECORD = z.discriminatedUnion('event', [
  JOB_RECORDS.job_opened,
  ...Object.values(JOB_RECORDS).slice(1),
]);

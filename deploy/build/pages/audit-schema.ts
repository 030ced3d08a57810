// The schema of audit lines: every event that a relay records, with every field. The page and the tests are made from it.
import { z } from 'zod';
import { MAX_AUDIT_BASE64_LENGTH, MAX_AUDIT_TEXT_LENGTH } from '#shared/protocol/audit.ts';
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import type { AuditEventName } from '../../../services/relay/audit/audit-event.ts';
import { AUDIT_VERSION, MAX_LINE_TEXT_LENGTH } from '../../../services/relay/audit/audit-line.ts';

const text = z.string().max(MAX_LINE_TEXT_LENGTH);
const moment = z.iso.datetime();
const seconds = z.number().min(0);
const count = z.int().min(0);
const base64 = z.base64().max(MAX_AUDIT_BASE64_LENGTH);
const id = text.describe('the ID of the agent');
const code = z.enum(Object.keys(REFUSALS));
const reason = z
  .enum(Object.keys(CLOSE_REASONS))
  .describe('the word of docs/protocol.md, "Close codes", as in log and metrics');

const proof = z
  .enum(['oidc', 'token', 'key', 'certificate', 'sso', 'network'])
  .describe('how the identity was proved');

/** The same in every line. */
export const LINE_HEAD = {
  audit: z.literal(true).describe('no line of the log has it'),
  v: z.literal(AUDIT_VERSION).describe('the version of the form'),
  time: moment.describe('when it was recorded, by the clock of the pod'),
  pod: text.describe('which pod recorded it'),
};

const admittance = z
  .strictObject({
    rule: text.describe('the rule of the policy'),
    kind: proof,
    subject: text.describe('who it is, in few words'),
    facts: z.record(text, text).describe('what the rule looked at: claims, fingerprints, names of tokens'),
  })
  .optional();

const AGENT = {
  id,
  epoch: count.describe('counts the claims of the ID'),
  address: text.describe('of the agent, as the relay sees it'),
};

const CLIENT = {
  id,
  session: text.describe('names the session among all of the cluster'),
  client: text.describe('address of the client, as the relay sees it'),
};

function line<Name extends AuditEventName, Fields extends z.ZodRawShape>(
  event: Name,
  what: string,
  fields: Fields,
) {
  return z.strictObject({ ...LINE_HEAD, event: z.literal(event), ...fields }).describe(what);
}

/** One event more does not compile before it is here. */
export const AUDIT_LINES = {
  agent_linked: line('agent_linked', 'An agent has a control link.', {
    ...AGENT,
    admittance: admittance.describe('by which rule it is in; left out where the relay is open'),
    isFirst: z.boolean().describe('false where it shows that it was linked before'),
  }),
  agent_unlinked: line('agent_unlinked', 'The control link of an agent is gone; the agent may come back.', {
    ...AGENT,
    reason,
    seconds: seconds.describe('how long the link was up'),
  }),
  session_started: line('session_started', 'A client is joined with its agent. It has not logged in yet.', {
    ...CLIENT,
    resumable: z.boolean().describe('whether the client can go on over another connection'),
    admittance: admittance.describe('by which rule the client is in; left out where it needed none'),
  }),
  session_ended: line('session_ended', 'They are apart. A resumable client goes on in another session.', {
    ...CLIENT,
    reason,
    by: z
      .enum(['client', 'agent', 'relay'])
      .describe('who ended it: the relay also for a limit or an operator'),
    seconds: seconds.describe('how long it was'),
    bytes: z
      .strictObject({ toAgent: count, toClient: count })
      .describe('of the encrypted stream, in each direction'),
  }),
  refused: line('refused', 'Somebody was told no.', {
    role: z.enum(['agent', 'client', 'other']).describe('by the path that was asked for'),
    id: text.optional().describe('the ID in that path'),
    address: text.describe('who asked'),
    code: code.describe('docs/protocol.md, "Refusals"'),
    message: text.describe('what they were told'),
  }),
  refused_more: line('refused_more', 'Further refusals of one code in ten seconds, counted.', {
    code: code.describe('of all of them'),
    count: count.describe('how many'),
    addresses: z.record(text, count).describe('the busiest, with their part'),
  }),
  policy_loaded: line('policy_loaded', 'The policy of this pod is another one, or the first.', {
    sha256: text.describe('of the file, in hex'),
    rules: z.array(text).describe('names of the rules, in their order'),
  }),
  policy_rejected: line('policy_rejected', 'The policy file has faults; the one before it stays.', {
    faults: z.array(text).describe('one sentence each'),
  }),
  operator_acted: line('operator_acted', "Somebody did something at the operator's page.", {
    by: text.describe('the name that they gave'),
    action: z.enum(['end_session', 'end_agent', 'block', 'unblock']).describe('what they did'),
    target: text.describe('the session, the ID, the address or the rule'),
    seconds: seconds.optional().describe('of a block'),
  }),
  job: line('job', 'An agent says what happened in its job, below.', {
    id,
    text: z.string().max(MAX_AUDIT_TEXT_LENGTH).describe('the record that was signed: JSON'),
    signature: base64.describe('the SSHSIG of it, in base64'),
    hostKey: base64.describe("the key that is said to have made it, in SSH's wire form, in base64"),
  }),
  audit_lost: line('audit_lost', 'Lines are missing here.', {
    count: count.describe('how many'),
    since: moment.describe('when the first of them was lost'),
    until: moment.describe('when the last of them was lost'),
  }),
} as const satisfies { readonly [Name in AuditEventName]: z.ZodObject };

/** Any line. */
export const AUDIT_LINE = z.discriminatedUnion('event', [
  AUDIT_LINES.agent_linked,
  ...Object.values(AUDIT_LINES).slice(1),
]);

// The fixed limits of the audit: rows of docs/limits.md.
import { MAX_AUDIT_TEXT_LENGTH } from '#shared/protocol/audit.ts';
import { AGENT_PACE } from '#shared/websocket/link-budget.ts';
import {
  FIRST_FAILED_LOGINS,
  FIRST_FAILED_LOGINS_OF_ADDRESS,
  MAX_TOLD_TARGETS,
} from '../../../services/agent/audit/job-audit.ts';
import {
  LAST_RECORDS_WITHIN_MS,
  MAX_UNTOLD_ASKED,
  MAX_UNTOLD_FILES,
  MAX_UNTOLD_RECORDS,
} from '../../../services/agent/audit/untold-records.ts';
import {
  MAX_AUDIT_LINE_BYTES,
  MAX_LINE_ENTRIES,
  MAX_LINE_TEXT_LENGTH,
} from '../../../services/relay/audit/audit-line.ts';
import {
  FIRST_REFUSALS,
  FIRST_REFUSALS_OF_ADDRESS,
  LAST_AUDIT_WITHIN_MS,
} from '../../../services/relay/audit/audit-trail.ts';
import { MAX_AUDIT_BACKLOG_BYTES } from '../../../services/relay/audit/backlog.ts';
import { ENDPOINT_ANSWER_WITHIN_MS, ENDPOINT_BATCH } from '../../../services/relay/audit/endpoint-sink.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const AUDIT_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'The audit: a relay': [
    {
      what: 'lines that wait for a file or an endpoint',
      value: MAX_AUDIT_BACKLOG_BYTES,
      unit: 'bytes',
      past: 'lost, and counted in `audit_lost`',
    },
    {
      what: 'the same when the relay ends',
      value: LAST_AUDIT_WITHIN_MS,
      unit: 'ms',
      past: 'lost, and counted',
    },
    {
      what: 'lines about refusals of one code, in ten seconds',
      value: FIRST_REFUSALS,
      unit: 'count',
      past: 'one line with the number of the rest',
    },
    { what: 'the same of one address', value: FIRST_REFUSALS_OF_ADDRESS, unit: 'count', past: 'the same' },
    { what: 'characters of one text', value: MAX_LINE_TEXT_LENGTH, unit: 'count', past: 'cut' },
    { what: 'entries of one list', value: MAX_LINE_ENTRIES, unit: 'count', past: 'left out' },
    { what: 'a line', value: MAX_AUDIT_LINE_BYTES, unit: 'bytes', past: 'only the name of its event' },
    {
      what: 'lines of one request to an endpoint',
      value: ENDPOINT_BATCH.lines,
      unit: 'count',
      past: 'the next request',
    },
    { what: 'the same in length', value: ENDPOINT_BATCH.bytes, unit: 'bytes', past: 'the next request' },
    {
      what: 'the answer of an endpoint',
      value: ENDPOINT_ANSWER_WITHIN_MS,
      unit: 'ms',
      past: 'sent again, under the same key',
    },
  ],
  'The audit: an agent': [
    {
      what: 'records that no relay has confirmed',
      value: MAX_UNTOLD_RECORDS,
      unit: 'count',
      past: 'lost, and counted in `records_lost`',
    },
    {
      what: 'of these, records about programs, forwards and files',
      value: MAX_UNTOLD_ASKED,
      unit: 'count',
      past: 'the same',
    },
    { what: 'of these, records about files', value: MAX_UNTOLD_FILES, unit: 'count', past: 'the same' },
    { what: 'the same when the agent ends', value: LAST_RECORDS_WITHIN_MS, unit: 'ms', past: 'not told' },
    {
      what: 'records in a second, in the long run',
      value: AGENT_PACE.records.perSecond,
      unit: 'count',
      past: 'they wait',
    },
    { what: 'the same in length', value: AGENT_PACE.recordBytes.perSecond, unit: 'bytes', past: 'they wait' },
    { what: 'characters of a record', value: MAX_AUDIT_TEXT_LENGTH, unit: 'count', past: '1003 `not_json`' },
    {
      what: 'records about failed logins, in ten seconds',
      value: FIRST_FAILED_LOGINS,
      unit: 'count',
      past: 'one record with the number of the rest',
    },
    {
      what: 'the same of one address',
      value: FIRST_FAILED_LOGINS_OF_ADDRESS,
      unit: 'count',
      past: 'the same',
    },
    {
      what: 'targets of forwards of one connection',
      value: MAX_TOLD_TARGETS,
      unit: 'count',
      past: 'their streams are counted at the logout',
    },
  ],
};

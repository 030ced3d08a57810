// The fixed limits of the policy file and of what its rules say to somebody: rows of docs/limits.md.
import { RETURNING_FACTOR } from '../../../services/relay/gate/gate.ts';
import { MAX_REMEMBERED_RULES } from '../../../services/relay/gate/limit-book.ts';
import { MAX_REFUSAL_LENGTH, MAX_TOLD_RULES } from '../../../services/relay/gate/policy-judge.ts';
import { MAX_CLAIM_TEXT } from '../../../services/relay/policy/claim-text.ts';
import { MAX_ACCESS_BYTES } from '../../../services/relay/policy/file/access-reader.ts';
import { MAX_POLICY_LIST } from '../../../services/relay/policy/file/fields.ts';
import { MAX_IDS_PER_RULE } from '../../../services/relay/policy/file/id-reader.ts';
import { MAX_POLICY_FAULTS } from '../../../services/relay/policy/file/policy-fault.ts';
import { POLICY_POLL_MS, POLICY_SETTLE_MS } from '../../../services/relay/policy/file/policy-watch.ts';
import { MAX_POLICY_BYTES } from '../../../services/relay/policy/file/read-policy.ts';
import { MAX_POLICY_RULES } from '../../../services/relay/policy/file/rule-reader.ts';
import { MAX_TOKENS_PER_RULE } from '../../../services/relay/policy/file/token-reader.ts';
import { MAX_YAML_DEPTH } from '../../../services/relay/policy/file/yaml-node.ts';
import { MAX_TEMPLATE_LENGTH } from '../../../services/relay/policy/id-template.ts';
import type { FixedLimit } from './fixed-limit.ts';

/** At the start the relay ends over it; later the policy before it stays in force. */
const REFUSED = 'the file is refused';

export const POLICY_LIMITS: readonly FixedLimit[] = [
  { what: 'a policy file', value: MAX_POLICY_BYTES, unit: 'bytes', past: REFUSED },
  { what: 'between two looks at it', value: POLICY_POLL_MS, unit: 'ms', past: 'it is read again' },
  {
    what: 'how long a new version must stay as it is',
    value: POLICY_SETTLE_MS,
    unit: 'ms',
    past: 'it counts',
  },
  { what: 'rules of agents, and as many of clients', value: MAX_POLICY_RULES, unit: 'count', past: REFUSED },
  { what: 'IDs of a rule', value: MAX_IDS_PER_RULE, unit: 'count', past: REFUSED },
  { what: 'an ID with its claims, in characters', value: MAX_TEMPLATE_LENGTH, unit: 'count', past: REFUSED },
  { what: 'tokens of a rule', value: MAX_TOKENS_PER_RULE, unit: 'count', past: REFUSED },
  { what: 'entries of any other list', value: MAX_POLICY_LIST, unit: 'count', past: REFUSED },
  { what: 'lists and maps in each other', value: MAX_YAML_DEPTH, unit: 'count', past: REFUSED },
  { what: 'the `access` of a rule', value: MAX_ACCESS_BYTES, unit: 'bytes', past: REFUSED },
  {
    what: 'faults that are told',
    value: MAX_POLICY_FAULTS,
    unit: 'count',
    past: 'the number of the rest',
  },
  {
    what: 'a claim that counts, in characters',
    value: MAX_CLAIM_TEXT,
    unit: 'count',
    past: 'it matches no pattern, and is in no ID',
  },
  {
    what: 'rules that a refusal names',
    value: MAX_TOLD_RULES,
    unit: 'count',
    past: 'the number of the rest',
  },
  { what: 'its message, in characters', value: MAX_REFUSAL_LENGTH, unit: 'count', past: 'cut' },
  {
    what: 'agents of a rule with those that come back with a pass, for each that its limit allows',
    value: RETURNING_FACTOR,
    unit: 'count',
    past: '429 `rule_full`',
  },
  {
    what: 'rules whose limits are remembered, those that are gone with those of now',
    value: MAX_REMEMBERED_RULES,
    unit: 'count',
    past: 'the first that went is forgotten',
  },
];

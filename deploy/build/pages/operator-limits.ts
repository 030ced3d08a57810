// The fixed limits of the operator's page: rows of docs/limits.md.
import { MAX_ACTION_BYTES, MAX_OPERATOR_NAME_LENGTH } from '../../../services/relay/http/operator/action.ts';
import {
  MAX_PEER_ANSWER_BYTES,
  PEER_VIEW_WITHIN_MS,
} from '../../../services/relay/http/operator/peer-question.ts';
import { MAX_PAGED_ROWS, MAX_SEARCH_LENGTH } from '../../../services/relay/http/operator/view-query.ts';
import {
  MAX_BLOCK_MS,
  MAX_BLOCK_REASON_LENGTH,
  MAX_BLOCKS,
  MIN_BLOCK_MS,
} from '../../../services/relay/registry/blocks.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const OPERATOR_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
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
};

// The fixed limits of what runs in CI jobs beside the agent: rows of docs/limits.md.
import { STEP_FAREWELL_WITHIN_MS } from '../../ci/github/agent-command.ts';
import {
  AGENT_FETCH_ATTEMPTS,
  AGENT_FETCH_TIMEOUT_MS,
  AGENT_RETRY_AFTER_MS,
  DIGESTS_FETCH_TIMEOUT_MS,
  MAX_AGENT_BYTES,
} from '../../ci/github/agent-file.ts';
import { REMIND_EVERY_MS } from '../../ci/github/door.ts';
import { API_TIMEOUT_MS } from '../../ci/github/github-api.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const CI_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'GitHub action': [
    {
      what: 'attempts at the agent, or at its SHA-256',
      value: AGENT_FETCH_ATTEMPTS,
      unit: 'count',
      past: 'the job stays shut, and an annotation says why',
    },
    {
      what: 'before the second attempt; it doubles',
      value: AGENT_RETRY_AFTER_MS,
      unit: 'ms',
      past: 'the next attempt, with jitter',
    },
    { what: 'one attempt at the agent', value: AGENT_FETCH_TIMEOUT_MS, unit: 'ms', past: 'the next attempt' },
    {
      what: 'one attempt at its SHA-256',
      value: DIGESTS_FETCH_TIMEOUT_MS,
      unit: 'ms',
      past: 'the next attempt',
    },
    { what: 'an agent, unpacked', value: MAX_AGENT_BYTES, unit: 'bytes', past: 'it is not taken' },
    {
      what: "an answer of GitHub's API",
      value: API_TIMEOUT_MS,
      unit: 'ms',
      past: 'no check run; a run that somebody else may have started stays shut',
    },
    {
      what: 'the farewell of a step that is cancelled',
      value: STEP_FAREWELL_WITHIN_MS,
      unit: 'ms',
      past: '`agent stop`',
    },
    {
      what: 'between two lines that repeat how to come in',
      value: REMIND_EVERY_MS,
      unit: 'ms',
      past: 'the next one',
    },
  ],
};

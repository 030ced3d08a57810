// The fixed limits of what an agent tells programs and people elsewhere: rows of docs/limits.md.
import { MAX_NOTIFIED_URLS } from '../../../services/agent/command-line/notify-options.ts';
import { MAX_CHAT_NAME_LENGTH } from '../../../services/agent/tell/chat/message.ts';
import { MAX_TOLD_NAME_LENGTH } from '../../../services/agent/tell/event-object.ts';
import { JOINED_AGAIN_AFTER_MS, MAX_REMEMBERED_JOINED } from '../../../services/agent/tell/notifier.ts';
import {
  LAST_NOTICES_WITHIN_MS,
  MAX_WAITING_NOTICES,
  NOTICE_ANSWER_WITHIN_MS,
  NOTICE_ATTEMPTS,
} from '../../../services/agent/tell/webhook.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const TELL_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'Agent: what it tells programs and webhooks': [
    { what: 'webhooks', value: MAX_NOTIFIED_URLS, unit: 'count', past: 'exit code 2' },
    { what: 'attempts to tell one notice', value: NOTICE_ATTEMPTS, unit: 'count', past: 'a complaint' },
    {
      what: 'one of them, from the look-up of the host to the status',
      value: NOTICE_ANSWER_WITHIN_MS,
      unit: 'ms',
      past: 'the next attempt',
    },
    {
      what: 'notices that wait for one webhook',
      value: MAX_WAITING_NOTICES,
      unit: 'count',
      past: 'a complaint',
    },
    {
      what: 'the last notices when the agent ends',
      value: LAST_NOTICES_WITHIN_MS,
      unit: 'ms',
      past: 'a complaint; the agent ends',
    },
    {
      what: 'somebody who comes again from the same address is not told of for',
      value: JOINED_AGAIN_AFTER_MS,
      unit: 'ms',
      past: 'a notice',
    },
    {
      what: 'people who are remembered for that',
      value: MAX_REMEMBERED_JOINED,
      unit: 'count',
      past: 'all are forgotten',
    },
    {
      what: 'characters of a name in a line of JSON',
      value: MAX_TOLD_NAME_LENGTH,
      unit: 'count',
      past: 'cut',
    },
    { what: 'the same in a message', value: MAX_CHAT_NAME_LENGTH, unit: 'count', past: 'cut' },
  ],
};

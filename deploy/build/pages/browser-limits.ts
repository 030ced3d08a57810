// The fixed limits of the client in a page, for the page of limits.
import { PAGE_RELAY_PATIENCE_MS } from '../../../services/clients/browser/connection/reach.ts';
import { ANSWERED_WITHIN_MS } from '../../../services/clients/browser/opening/liveness.ts';
import { MAX_COMMAND_OUTPUT_BYTES } from '../../../services/clients/browser/opening/ssh-job.ts';
import { MAX_READ_AHEAD_BYTES } from '../../../services/clients/browser/sftp/file-reader.ts';
import { MAX_WRITE_AHEAD_BYTES } from '../../../services/clients/browser/sftp/file-writer.ts';
import {
  MAX_SFTP_ANSWER_BYTES,
  MAX_SFTP_REQUESTS,
} from '../../../services/clients/browser/sftp/sftp-channel.ts';
import { MAX_FOLDER_ENTRIES, MAX_PATH_BYTES } from '../../../services/clients/browser/sftp/sftp-files.ts';
import { CHANNEL_WINDOW_BYTES } from '../../../services/clients/browser/ssh/channels/channel.ts';
import { MAX_CHANNELS } from '../../../services/clients/browser/ssh/channels/connection.ts';
import {
  MAX_ATTEMPTS,
  MAX_BANNER_BYTES,
  MAX_PROMPTS,
  MAX_ROUNDS,
} from '../../../services/clients/browser/ssh/sign-in/sign-in-dialogue.ts';
import { MAX_PAGE_PACKET_BYTES } from '../../../services/clients/browser/ssh/transport/packet-framing.ts';
import {
  EXCHANGE_WITHIN_MS,
  MAX_HELD_BYTES,
  MAX_HELD_MESSAGES,
  MAX_PRESSED_BYTES,
  REKEY_AFTER_BYTES,
  REKEY_AFTER_MS,
} from '../../../services/clients/browser/ssh/transport/ssh-transport.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const BROWSER_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'The client in a page': [
    { what: 'a packet of SSH', value: MAX_PAGE_PACKET_BYTES, unit: 'bytes', past: 'the session ends' },
    {
      what: 'a key exchange, but for the person who looks at the host key',
      value: EXCHANGE_WITHIN_MS,
      unit: 'ms',
      past: 'the session ends',
    },
    {
      what: 'bytes under the same keys, either way',
      value: REKEY_AFTER_BYTES,
      unit: 'bytes',
      past: 'new keys',
    },
    { what: 'time under the same keys', value: REKEY_AFTER_MS, unit: 'ms', past: 'new keys' },
    {
      what: 'messages that wait for the end of a key exchange',
      value: MAX_HELD_MESSAGES,
      unit: 'count',
      past: 'the session ends',
    },
    { what: 'the same, all together', value: MAX_HELD_BYTES, unit: 'bytes', past: 'the session ends' },
    {
      what: 'answers to a host that does not take them',
      value: MAX_PRESSED_BYTES,
      unit: 'bytes',
      past: 'the session ends',
    },
    {
      what: 'banners of a host, all together',
      value: MAX_BANNER_BYTES,
      unit: 'bytes',
      past: 'not shown; one that is longer ends the session',
    },
    {
      what: 'questions of keyboard-interactive at once',
      value: MAX_PROMPTS,
      unit: 'count',
      past: 'the session ends',
    },
    {
      what: 'such questions one after the other',
      value: MAX_ROUNDS,
      unit: 'count',
      past: 'the session ends',
    },
    {
      what: 'wrong passwords, or wrong answers',
      value: MAX_ATTEMPTS,
      unit: 'count',
      past: 'the page asks no more',
    },
    {
      what: 'channels at once: terminals, commands, files, ports',
      value: MAX_CHANNELS,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'what a channel sends and nobody has read',
      value: CHANNEL_WINDOW_BYTES,
      unit: 'bytes',
      past: 'the job waits',
    },
    {
      what: 'what is kept of each output of a command',
      value: MAX_COMMAND_OUTPUT_BYTES,
      unit: 'bytes',
      past: 'read and thrown away',
    },
    { what: 'an answer of SFTP', value: MAX_SFTP_ANSWER_BYTES, unit: 'bytes', past: 'the files are closed' },
    {
      what: 'requests of SFTP that wait for an answer',
      value: MAX_SFTP_REQUESTS,
      unit: 'count',
      past: 'refused',
    },
    { what: 'entries of a folder', value: MAX_FOLDER_ENTRIES, unit: 'count', past: 'not shown, and said' },
    { what: 'a path or a name', value: MAX_PATH_BYTES, unit: 'bytes', past: 'refused' },
    { what: 'a file that is read ahead', value: MAX_READ_AHEAD_BYTES, unit: 'bytes', past: 'the job waits' },
    {
      what: 'a file that is written ahead',
      value: MAX_WRITE_AHEAD_BYTES,
      unit: 'bytes',
      past: 'the page waits',
    },
    {
      what: 'a relay that does not answer, at first',
      value: PAGE_RELAY_PATIENCE_MS,
      unit: 'ms',
      past: 'the page says that there is none',
    },
    {
      what: 'a job that is asked whether it lives, and says nothing',
      value: ANSWERED_WITHIN_MS,
      unit: 'ms',
      past: 'another WebSocket is dialled',
    },
  ],
};

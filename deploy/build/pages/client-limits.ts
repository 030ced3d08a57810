// The fixed limits of the client programs, for the page of limits.
import { FAREWELL_WITHIN_MS } from '../../../services/clients/connection/visit.ts';
import { MAX_EXEC_OUTPUT_BYTES } from '../../../services/clients/exec/kept-output.ts';
import { STORY_WITHIN_MS } from '../../../services/clients/exec/run-exec.ts';
import { KILL_AFTER_MS, OUTPUT_CLOSES_WITHIN_MS } from '../../../services/clients/exec/ssh-child.ts';
import { SIGNATURE_KEPT_MS } from '../../../services/clients/identity/introduction.ts';
import { MAX_SIGN_ON_INTERVAL_MS, SIGN_ON_WITHIN_MS } from '../../../services/clients/sign-on/device-flow.ts';
import { MAX_PRIVATE_FILE_BYTES } from '../../../services/clients/sign-on/private-folder.ts';
import { SIGN_ON_ANSWER_WITHIN_MS } from '../../../services/clients/sign-on/relay-question.ts';
import { SIGN_ON_MARGIN_MS } from '../../../services/clients/sign-on/sign-on.ts';
import { LEFT_BEHIND_AFTER_MS } from '../../../services/clients/sign-on/turn.ts';
import {
  MAX_SIGN_ON_BODY_BYTES,
  MAX_SIGN_ON_SECRET_CHARACTERS,
  MAX_SIGN_ON_TOKEN_CHARACTERS,
  MAX_USER_CODE_CHARACTERS,
  MAX_VERIFICATION_URI_CHARACTERS,
} from '../../../services/shared/protocol/sign-on.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const CLIENT_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'Clients: the end of a connection': [
    {
      what: 'a way to the agent, once ssh has left',
      value: FAREWELL_WITHIN_MS,
      unit: 'ms',
      past: 'the agent takes the client for one that is lost',
    },
  ],
  'Clients: a command for a program': [
    {
      what: 'each output of a command that is answered as JSON',
      value: MAX_EXEC_OUTPUT_BYTES,
      unit: 'bytes',
      past: 'counted, and dropped',
    },
    {
      what: 'for ssh to end after its time limit or a signal',
      value: KILL_AFTER_MS,
      unit: 'ms',
      past: 'it is killed',
    },
    {
      what: 'for the outputs of ssh to close after its end',
      value: OUTPUT_CLOSES_WITHIN_MS,
      unit: 'ms',
      past: 'the answer is given without the rest',
    },
    {
      what: 'for wsproxy to say why ssh had no connection',
      value: STORY_WITHIN_MS,
      unit: 'ms',
      past: 'what ssh says is the reason',
    },
  ],
  'Clients: who they are': [
    {
      what: 'a signature that was accepted, while the agent is waited for',
      value: SIGNATURE_KEPT_MS,
      unit: 'ms',
      past: 'the key signs again',
    },
    {
      what: 'until a person has signed on',
      value: SIGN_ON_WITHIN_MS,
      unit: 'ms',
      past: 'the client ends with code 4',
    },
    {
      what: 'between two questions whether that is done, whatever the provider asks for',
      value: MAX_SIGN_ON_INTERVAL_MS,
      unit: 'ms',
      past: 'the next question',
    },
    {
      what: 'an answer of the relay about a sign-on',
      value: SIGN_ON_ANSWER_WITHIN_MS,
      unit: 'ms',
      past: 'it counts as none',
    },
    {
      what: 'the body of a question or an answer about a sign-on',
      value: MAX_SIGN_ON_BODY_BYTES,
      unit: 'bytes',
      past: 'refused',
    },
    {
      what: 'a token of a sign-on, in characters',
      value: MAX_SIGN_ON_TOKEN_CHARACTERS,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'a handle or a refresh token, in characters',
      value: MAX_SIGN_ON_SECRET_CHARACTERS,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'the code that a person types, in characters',
      value: MAX_USER_CODE_CHARACTERS,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'the address of the page for it, in characters',
      value: MAX_VERIFICATION_URI_CHARACTERS,
      unit: 'count',
      past: 'refused',
    },
    {
      what: 'what is left of a token that is shown',
      value: SIGN_ON_MARGIN_MS,
      unit: 'ms',
      past: 'it is refreshed first',
    },
    { what: 'a file of a kept sign-on', value: MAX_PRIVATE_FILE_BYTES, unit: 'bytes', past: 'ignored' },
    {
      what: 'another program of the user that signs on and gives no sign of life',
      value: LEFT_BEHIND_AFTER_MS,
      unit: 'ms',
      past: 'it is not waited for',
    },
  ],
};

// What an operator may do, read from a form: end a session or an agent, block an address or a rule for a time, unblock it.
import { isValidId } from '#shared/protocol/paths.ts';
import { printable } from '#shared/text/printable.ts';
import { formatDuration } from '#shared/time/duration.ts';
import { isHandle } from '../../hop/command.ts';
import { readTarget } from '../../registry/block-target.ts';
import { MAX_BLOCK_MS, MAX_BLOCK_REASON_LENGTH, MIN_BLOCK_MS } from '../../registry/blocks.ts';

/** The largest body of an action, in bytes. */
export const MAX_ACTION_BYTES = 4_096;

/** Of the name that an operator gives, in characters. */
export const MAX_OPERATOR_NAME_LENGTH = 64;

export const ACTION_KINDS = ['end_session', 'end_agent', 'block', 'unblock'] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

export type Action =
  /** `pod`: where it was seen; undefined: all pods are asked. */
  | { readonly kind: 'end_session'; readonly handle: string; readonly pod: string | undefined }
  | { readonly kind: 'end_agent'; readonly id: string; readonly pod: string | undefined }
  | {
      readonly kind: 'block';
      readonly target: string;
      readonly ms: number;
      readonly why: string;
      /** Whether what it has open is ended too. */
      readonly ends: boolean;
    }
  | { readonly kind: 'unblock'; readonly target: string };

export type ReadAction =
  | { readonly kind: 'action'; readonly action: Action; readonly by: string }
  /** `fault` names the field and the way out. */
  | { readonly kind: 'invalid'; readonly fault: string };

/** The fields of a form. Never throws. */
export function readAction(form: URLSearchParams): ReadAction {
  const by = (form.get('by') ?? '').trim();
  if (by === '') return invalid('say who you are: the name goes into the record of who did what');
  if (by.length > MAX_OPERATOR_NAME_LENGTH || printable(by) !== by)
    return invalid(`your name has ${MAX_OPERATOR_NAME_LENGTH} printable characters at most`);
  const action = actionFrom(form);
  return typeof action === 'string' ? invalid(action) : { kind: 'action', action, by };
}

/** The action, or what is wrong with it. */
function actionFrom(form: URLSearchParams): Action | string {
  const pod = form.get('pod') ?? undefined;
  switch (form.get('action')) {
    case 'end_session': {
      const handle = form.get('handle') ?? '';
      return isHandle(handle) ? { kind: 'end_session', handle, pod } : 'handle: this names no session';
    }
    case 'end_agent': {
      const id = form.get('id') ?? '';
      return isValidId(id) ? { kind: 'end_agent', id, pod } : 'id: this is no ID of an agent';
    }
    case 'block':
      return blockFrom(form);
    case 'unblock': {
      const read = readTarget(form.get('target') ?? '');
      return read.kind === 'invalid' ? `target: ${read.fault}` : { kind: 'unblock', target: read.text };
    }
    default:
      return `action: one of ${ACTION_KINDS.join(', ')}`;
  }
}

function blockFrom(form: URLSearchParams): Action | string {
  const read = readTarget(form.get('target') ?? '');
  if (read.kind === 'invalid') return `target: ${read.fault}`;
  const seconds = form.get('seconds') ?? '';
  const ms = /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1_000 : 0;
  if (ms < MIN_BLOCK_MS || ms > MAX_BLOCK_MS)
    return `seconds: a block lasts from ${formatDuration(MIN_BLOCK_MS)} to ${formatDuration(MAX_BLOCK_MS)}`;
  const why = (form.get('why') ?? '').trim();
  if (why.length > MAX_BLOCK_REASON_LENGTH || (why !== '' && printable(why) !== why))
    return `why: ${MAX_BLOCK_REASON_LENGTH} printable characters at most`;
  return { kind: 'block', target: read.text, ms, why, ends: form.get('ends') === '1' };
}

function invalid(fault: string): ReadAction {
  return { kind: 'invalid', fault };
}

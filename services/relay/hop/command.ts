// Commands: what an operator at one pod asks of another, signed as every request between pods is.
import { isValidId } from '#shared/protocol/paths.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import { readTarget } from '../registry/block-target.ts';

/** The largest body of a command, in bytes. */
export const MAX_COMMAND_BYTES = 1_024;

export const COMMAND_PATH = '/command';

export type Command =
  | { readonly kind: 'end_session'; readonly handle: string }
  | { readonly kind: 'end_agent'; readonly id: string }
  /** Every agent and every session that a block of `target` would have kept out. */
  | { readonly kind: 'end_target'; readonly target: string };

const HANDLE_PATTERN = /^[\w-]{12}$/;

/** True for what names a session. */
export function isHandle(text: string): boolean {
  return HANDLE_PATTERN.test(text);
}

export function formatCommand(command: Command): string {
  return JSON.stringify(command);
}

/** The command in a body; undefined if it is not one. Never throws. */
export function parseCommand(body: string): Command | undefined {
  const { kind, handle, id, target } = parseRecord(body) ?? {};
  if (kind === 'end_session' && typeof handle === 'string' && isHandle(handle)) return { kind, handle };
  if (kind === 'end_agent' && typeof id === 'string' && isValidId(id)) return { kind, id };
  if (kind !== 'end_target' || typeof target !== 'string') return undefined;
  const read = readTarget(target);
  return read.kind === 'target' && read.text === target ? { kind, target } : undefined;
}

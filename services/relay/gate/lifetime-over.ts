// The refusal of an agent whose time is over.
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { formatDuration } from '#shared/time/duration.ts';

/** `lifetimeMs`: what the rule allows. */
export function lifetimeOver(
  rule: string,
  lifetimeMs: number,
): { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string } {
  const message = `the rule ${rule} lets an agent live for ${formatDuration(lifetimeMs)}, and that time is over`;
  return { kind: 'refused', code: 'lifetime_over', message };
}

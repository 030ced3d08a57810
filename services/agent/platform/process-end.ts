// How a process ended.

export type ProcessEnd =
  | { readonly kind: 'code'; readonly code: number }
  /** Windows has none of these. */
  | { readonly kind: 'signal'; readonly signal: number; readonly coreDumped: boolean };

/** What is reported when nobody knows: 255, as sshd does. */
export const UNKNOWN_END: ProcessEnd = { kind: 'code', code: 255 };

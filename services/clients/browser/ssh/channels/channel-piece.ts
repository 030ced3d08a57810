// A piece of what a program says on a channel: from which of its outputs, and the bytes.

export interface ChannelPiece {
  readonly from: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/** How a program of the job ended; `signal` without SIG. */
export type ProgramEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'killed'; readonly signal: string }
  /** The channel or the connection went away before anybody said. */
  | { readonly kind: 'lost' };

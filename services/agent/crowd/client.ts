// A client: whose stream it is, and what may be asked of it.

/** Whose stream it is. */
export interface Client {
  readonly id: string;
  /** As the relay sees it. */
  readonly address: string;
  /** Asked when the stream has ended: true if it ended without a goodbye. Without this, every end counts as a goodbye. */
  readonly isLost?: () => boolean;
  /** True while it is without a transport. Without this it never is. */
  readonly isDetached?: () => boolean;
  /** Cuts the stream with all that it has not delivered yet; for clients that never logged in. May be called twice. */
  readonly discard?: () => void;
}

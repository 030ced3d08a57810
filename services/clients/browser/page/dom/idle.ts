// Idle moments: when the page has nothing to do for the connection.

/** Resolves when the browser has time, or when `deadline` is over, whichever comes first. Safari does not say when it has. */
export async function idleBefore(deadline: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if ('requestIdleCallback' in globalThis) requestIdleCallback(() => resolve());
  else setTimeout(resolve);
  await Promise.race([promise, deadline]);
}

// The text of a fault: what was thrown, in words for a person or a log. JavaScript lets anything be thrown.

/** What an error says of itself. */
export function faultText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same with where it happened, one line each: for a fault of ours. */
export function stackLinesOf(error: unknown): string[] {
  return (error instanceof Error ? (error.stack ?? error.message) : String(error)).split('\n');
}

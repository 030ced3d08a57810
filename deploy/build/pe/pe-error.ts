// PE errors: what is wrong with a file that should be a program for Windows.

/** `message` is a sentence without the file's name, which the caller knows. */
export class PeError extends Error {
  override readonly name = 'PeError';
  readonly code = 'pe_unusable';
}

// Mach-O errors: what is wrong with a file that should be a program for macOS.

/** `message` is a sentence without the file's name, which the caller knows. */
export class MachOError extends Error {
  override readonly name = 'MachOError';
  readonly code = 'mach_o_unusable';
}

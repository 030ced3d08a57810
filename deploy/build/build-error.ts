// Build errors: what stops a build, in words for the person who typed the command.

export type BuildErrorCode =
  | 'requirement_missing'
  | 'command_failed'
  | 'platform_unsupported'
  | 'archive_changed'
  | 'executable_unusable'
  | 'bundle_broken'
  | 'icu_data_unknown'
  | 'signing_key_unusable';

export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: BuildErrorCode;

  constructor(code: BuildErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

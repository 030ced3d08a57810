// Settings of single sign-on: the provider that people sign on with, as the policy file names it.

export interface SsoSettings {
  /** The URL of the provider, as in the claim `iss`. */
  readonly issuer: string;
  readonly clientId: string;
  /** A file with the secret of this client; undefined for a client that is public. */
  readonly clientSecretFile: string | undefined;
  /** With `openid`. */
  readonly scopes: readonly string[];
  /** How long a sign-on counts at most, in milliseconds, however often it is refreshed. */
  readonly sessionMs: number;
}

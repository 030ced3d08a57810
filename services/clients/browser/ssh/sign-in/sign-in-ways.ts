// Ways to sign in: what a person can do to prove who they are, as the connection asks for it.
import type { Untrusted } from '#shared/text/untrusted.ts';

/** A key that signs on. */
export interface SigningKey {
  /** As it stands in an `authorized_keys` line after base64: an `ssh-ed25519` key, or an OpenSSH certificate for one. */
  readonly publicKey: Uint8Array;
  /** The raw Ed25519 signature, 64 bytes; undefined: not now (the person said no). May be WebCrypto, not extractable. */
  readonly sign: (data: Uint8Array) => Promise<Uint8Array | undefined>;
}

/** One question of keyboard-interactive. Hostile text: show it as text, and as what the host asks. */
export interface SignInPrompt {
  readonly text: Untrusted;
  /** Whether what is typed may be seen. */
  readonly echo: boolean;
}

export interface SignInRequest {
  readonly name: Untrusted;
  readonly instruction: Untrusted;
  /** At most MAX_PROMPTS. May be empty: there is only something to read. */
  readonly prompts: readonly SignInPrompt[];
}

/**
 * How the person proves who they are, asked in this order: a password that is there already, then keys, keyboard-interactive,
 * password, as far as the host takes them. Each may be left out. Undefined from a question means that the person gives up on
 * that way.
 */
export interface SignIn {
  /** A password that need not be asked for: the first attempt. It is sent before the host says what it takes, once it has proved its key. */
  readonly secret?: string;
  /** A function is asked when the host takes keys. */
  readonly keys?: readonly SigningKey[] | (() => Promise<readonly SigningKey[]>);
  /** `attempt` counts from 1; more than one means that the one before was wrong. */
  readonly password?: (attempt: number) => Promise<string | undefined>;
  /** As many answers as prompts. */
  readonly answers?: (request: SignInRequest, attempt: number) => Promise<readonly string[] | undefined>;
}

export type SignInOutcome =
  | { readonly kind: 'in' }
  /** The host took none of what was tried; `ways` is what it would take. */
  | { readonly kind: 'not_in'; readonly ways: readonly string[]; readonly wasTried: boolean };

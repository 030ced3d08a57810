// Identity sources: what an agent may prove by who it is, as `--identity` names it.

/** Each with what people call it. `none`: nothing is ever shown. */
export const IDENTITY_SOURCES = {
  github: 'an identity token of GitHub Actions',
  gitlab: 'the identity token in CONVERGE_ID_TOKEN',
  circleci: 'an identity token of CircleCI',
  buildkite: 'an identity token of Buildkite',
  token: 'the token in CONVERGE_TOKEN',
  key: 'an SSH key',
  none: 'nothing',
} as const;

export type IdentitySource = keyof typeof IDENTITY_SOURCES;

/** What the agent was told of its identity. */
export interface IdentityOptions {
  /** Undefined: whatever its environment has, of what the relay takes. */
  readonly source: IdentitySource | undefined;
  /** A private key; undefined: those of the ssh-agent. */
  readonly keyFile: string | undefined;
}

/** The source that `text` names. */
export function identitySourceOf(text: string): IdentitySource | undefined {
  return Object.hasOwn(IDENTITY_SOURCES, text) ? (text as IdentitySource) : undefined;
}

// What a client program can prove itself by: tokens, SSH keys and certificates, and a person who signs on.
import { keyMakersFrom } from '#shared/identity/key-makers.ts';
import type { FoundMakers, ProofMaker, Prover } from '#shared/identity/proof-maker.ts';
import { MAX_PROOFS_PER_DIAL } from '#shared/identity/proving-dial.ts';
import { tokenMakerFrom } from '#shared/identity/token-maker.ts';
import type { IdentityKind } from '#shared/protocol/identity.ts';
import { readSmallFile } from '#shared/signing/small-file.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { SignOn } from '../sign-on/sign-on.ts';
import { clientKeys } from './client-keys.ts';
import { signOnMakers } from './sign-on-makers.ts';

/** What the command line and the environment say of who this is. Nothing of it is looked at before a relay asks. */
export interface ClientIdentity {
  /** --identity: a private key, or the public half of one that the ssh-agent has. */
  readonly keyFile: string | undefined;
  /** SSH_AUTH_SOCK. */
  readonly sshAgent: string | undefined;
  /** CONVERGE_TOKEN. */
  readonly token: string | undefined;
  /** --token-file. */
  readonly tokenFile: string | undefined;
  /** Where sign-ons are kept; undefined: nowhere. */
  readonly stateFolder: string | undefined;
  /** True where a program runs this, so that nobody is asked to sign on. */
  readonly isUnattended?: boolean;
}

export interface ClientProverOptions {
  readonly identity: ClientIdentity;
  readonly signOn: Pick<SignOn, 'kept' | 'token'>;
  readonly clock: Clock;
  /** Takes a line for the person. */
  readonly notify: (line: string) => void;
}

/** What each kind is for a person, and the way to it. */
const WAYS: Readonly<Record<IdentityKind, string>> = {
  oidc: 'a token of a CI job, which is for agents',
  token: 'a token: set CONVERGE_TOKEN, or pass --token-file FILE',
  key: 'an SSH key: pass --identity FILE, or add it to the ssh-agent',
  certificate:
    'an SSH certificate: pass --identity FILE with FILE-cert.pub beside it, or add both to the ssh-agent',
  sso: 'single sign-on',
};

/** In the order of what a relay asks for; a person is troubled last. */
export function clientProver({ identity, signOn, clock, notify }: ClientProverOptions): Prover {
  return {
    async makersFor(kinds) {
      const tokensFound = kinds.includes('token') ? await tokensOf(identity) : [];
      const keysFound = kinds.some((kind) => kind === 'key' || kind === 'certificate')
        ? await keysOf(identity, kinds, clock, notify)
        : undefined;
      const tokens = tokensFound.flatMap(makersIn);
      const keys = makersIn(keysFound);
      const people = kinds.includes('sso') ? await signOnMakers(signOn) : [];
      // An ssh-agent may have many: they leave room for what else there is.
      const room = Math.max(1, MAX_PROOFS_PER_DIAL - tokens.length - people.length);
      const makers = [...tokens, ...keys.slice(0, room), ...people];
      const faults = [...tokensFound, keysFound].flatMap(faultIn);
      if (makers.length === 0) return { kind: 'none', message: ways(kinds, faults) };
      // Whoever named something wants that one. The ssh-agent nobody named.
      const isNamed = identity.keyFile !== undefined;
      for (const fault of isNamed ? faults : tokensFound.flatMap(faultIn)) notify(fault);
      return { kind: 'found', makers };
    },
  };
}

function makersIn(found: FoundMakers | undefined): readonly ProofMaker[] {
  return found?.kind === 'found' ? found.makers : [];
}

function faultIn(found: FoundMakers | undefined): readonly string[] {
  return found?.kind === 'none' ? [found.message] : [];
}

async function tokensOf({ token, tokenFile }: ClientIdentity): Promise<readonly FoundMakers[]> {
  const found: FoundMakers[] = [];
  if (tokenFile !== undefined) {
    const file = await readSmallFile(tokenFile, 'token');
    const name = `the token in ${tokenFile}`;
    if (file.kind === 'text') found.push(tokenMakerFrom(file.text, name));
    else {
      const why = file.kind === 'missing' ? 'does not exist' : file.why;
      found.push({ kind: 'none', message: `${tokenFile} ${why}` });
    }
  }
  if (token !== undefined) found.push(tokenMakerFrom(token, 'the token in CONVERGE_TOKEN'));
  return found;
}

async function keysOf(
  { keyFile, sshAgent }: ClientIdentity,
  kinds: readonly IdentityKind[],
  clock: Clock,
  notify: (line: string) => void,
): Promise<FoundMakers | undefined> {
  // Nobody spoke of keys, and there is none: the ways to one are said anyway.
  if (keyFile === undefined && sshAgent === undefined) return undefined;
  const found = await clientKeys({ file: keyFile, sshAgent, clock });
  return keyMakersFrom(found, kinds, clock.wallTime(), (name) => notify(`touch ${name} now, if it blinks`));
}

/** What the relay asks for, what was tried, and what to do. */
function ways(kinds: readonly IdentityKind[], faults: readonly string[]): string {
  if (faults.length > 0) return faults.join('; ');
  if (kinds.length === 0) return 'it takes no kind of proof that this version knows; a newer one may';
  return `it takes ${kinds.map((kind) => WAYS[kind]).join('; or ')}`;
}

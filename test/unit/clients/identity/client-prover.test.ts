// What a client program shows, in which order, and what its person hears of what cannot be shown.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FoundMakers } from '#shared/identity/proof-maker.ts';
import { MAX_PROOFS_PER_DIAL } from '#shared/identity/proving-dial.ts';
import type { IdentityKind } from '#shared/protocol/identity.ts';
import { systemClock } from '#shared/time/clock.ts';
import { type ClientIdentity, clientProver } from '../../../../services/clients/identity/client-prover.ts';
import type { SignOnOutcome } from '../../../../services/clients/sign-on/device-flow.ts';
import type { SignOn } from '../../../../services/clients/sign-on/sign-on.ts';
import { makeKeyFile } from '../../../support/ssh/key-file.ts';
import { startSshAgent } from '../../../support/ssh/ssh-agent.ts';
import { sshAdd } from '../../../support/ssh/ssh-keygen.ts';

const NOBODY: ClientIdentity = {
  keyFile: undefined,
  sshAgent: undefined,
  token: undefined,
  tokenFile: undefined,
  stateFolder: undefined,
};
const FACTS = {
  audience: 'https://relay.example',
  role: 'client',
  id: 'x',
  claimHash: '',
  challenge: 'c',
} as const;

let folder: string;
let lines: string[];
/** A token that is kept. */
let kept: string | undefined;
/** Which token was refused, for each token that was wanted. */
let wanted: (string | undefined)[];
let signedOn: SignOnOutcome;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prover-'));
  [lines, kept, wanted] = [[], undefined, []];
  signedOn = { kind: 'signed_on', signedOn: { token: 'sso-token', refresh: '', expiresAt: 0 } };
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function makersFor(
  kinds: readonly IdentityKind[],
  identity: Partial<ClientIdentity> = {},
): Promise<FoundMakers> {
  const signOn: Pick<SignOn, 'kept' | 'token'> = {
    kept: () => Promise.resolve(kept),
    token(refused) {
      wanted.push(refused);
      return Promise.resolve(signedOn);
    },
  };
  const notify = (line: string): void => {
    lines.push(line);
  };
  return clientProver({ identity: { ...NOBODY, ...identity }, signOn, clock: systemClock, notify }).makersFor(
    kinds,
  );
}

function namesOf(found: FoundMakers): string[] {
  return found.kind === 'found' ? found.makers.map(({ kind, name }) => `${kind}: ${name}`) : [];
}

describe('the order', () => {
  test('is tokens, keys, and the person last', async () => {
    const [keyFile, tokenFile] = [join(folder, 'key'), join(folder, 'token')];
    await makeKeyFile(keyFile);
    await writeFile(tokenFile, 'a\n');
    kept = 'kept';
    const found = await makersFor(['token', 'key', 'sso'], { keyFile, tokenFile, token: 'b' });
    expect(namesOf(found)).toEqual([
      `token: the token in ${tokenFile}`,
      'token: the token in CONVERGE_TOKEN',
      expect.stringMatching(/^key: the key SHA256:\S+ \(.*key\)$/),
      'sso: the sign-on that was kept',
      'sso: your sign-on',
    ]);
    expect(wanted).toEqual([]);
  });

  test('has only what the relay takes', async () => {
    const keyFile = join(folder, 'key');
    await makeKeyFile(keyFile);
    expect(namesOf(await makersFor(['token'], { keyFile, token: 'b' }))).toEqual([
      'token: the token in CONVERGE_TOKEN',
    ]);
    expect(namesOf(await makersFor(['sso'], { keyFile, token: 'b' }))).toEqual(['sso: your sign-on']);
  });

  test('leaves room for the person behind an ssh-agent with many keys', async () => {
    await using sshAgent = await startSshAgent(join(folder, 'agent'));
    for (let n = 0; n < MAX_PROOFS_PER_DIAL + 2; n++) {
      await makeKeyFile(join(folder, `key-${n}`));
      await sshAdd(sshAgent.socketPath, [join(folder, `key-${n}`)]);
    }
    const names = namesOf(await makersFor(['key', 'sso'], { sshAgent: sshAgent.socketPath }));
    expect(names.slice(0, MAX_PROOFS_PER_DIAL)).toContain('sso: your sign-on');
    expect(names).toHaveLength(MAX_PROOFS_PER_DIAL);
  });
});

describe('a sign-on', () => {
  test('that is kept is shown, and where that is refused another one is wanted', async () => {
    kept = 'kept';
    const found = await makersFor(['sso']);
    if (found.kind === 'none') throw new Error(found.message);
    for (const maker of found.makers) {
      expect(await maker.make(FACTS, new AbortController().signal)).toEqual({
        kind: 'made',
        identity: { kind: 'sso', token: 'sso-token' },
      });
    }
    expect(wanted).toEqual([undefined, 'kept']);
  });

  test.each([true, false])('that fails passes on its own unless it is final: %s', async (isFinal) => {
    signedOn = { kind: 'failed', message: 'nobody came', isFinal };
    const found = await makersFor(['sso']);
    if (found.kind === 'none') throw new Error(found.message);
    expect(await found.makers[0]?.make(FACTS, new AbortController().signal)).toEqual({
      kind: 'unmade',
      message: 'nobody came',
      passes: !isFinal,
    });
  });
});

describe('what is missing', () => {
  test.each([
    [['key'], 'it takes an SSH key: pass --identity FILE, or add it to the ssh-agent'],
    [
      ['certificate'],
      'it takes an SSH certificate: pass --identity FILE with FILE-cert.pub beside it, or add both to the ssh-agent',
    ],
    [['oidc'], 'it takes a token of a CI job, which is for agents'],
    [[], 'it takes no kind of proof that this version knows; a newer one may'],
  ] as const)('of %j is said with the way to it', async (kinds, message) => {
    expect(await makersFor(kinds)).toEqual({ kind: 'none', message });
  });

  test.each([
    [
      { token: 'a b' },
      'the token in CONVERGE_TOKEN has characters that no token has: spaces, line ends or others',
    ],
    [{ tokenFile: '/nowhere' }, '/nowhere does not exist'],
    [{ tokenFile: '/' }, '/ is a folder'],
    [{ tokenFile: '/nowhere', token: 'ü' }, /^\/nowhere does not exist; the token in CONVERGE_TOKEN has/],
  ])('since it has a fault is said: %j', async (identity, message) => {
    const text = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(await makersFor(['token'], identity)).toEqual({ kind: 'none', message: text });
  });

  test('though it was named, is said where something else is shown in its place', async () => {
    const found = await makersFor(['token', 'certificate', 'sso'], { keyFile: '/nowhere', token: 'good' });
    expect(namesOf(found)).toEqual(['token: the token in CONVERGE_TOKEN', 'sso: your sign-on']);
    expect(lines).toEqual(['/nowhere does not exist']);
    const without = await makersFor(['token', 'sso'], { tokenFile: '/nowhere' });
    expect(namesOf(without)).toEqual(['sso: your sign-on']);
    expect(lines).toEqual(['/nowhere does not exist', '/nowhere does not exist']);
  });

  test('in an ssh-agent that nobody named is not spoken of', async () => {
    const found = await makersFor(['certificate', 'sso'], { sshAgent: '/nowhere' });
    expect(namesOf(found)).toEqual(['sso: your sign-on']);
    expect(lines).toEqual([]);
  });
});

// Signing in to a host that is played by hand: what is tried in which order, what is signed, and what is too much.
import { createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  MAX_BANNER_BYTES,
  MAX_PROMPTS,
} from '../../../../services/clients/browser/ssh/sign-in/sign-in-dialogue.ts';
import type { SignIn, SignInOutcome } from '../../../../services/clients/browser/ssh/sign-in/sign-in-ways.ts';
import { WireReader, wireString, wireUint32 } from '../../../../services/shared/ssh/strings.ts';
import { makeWebKey } from '../../../support/page-client/page-key.ts';
import { proveHost } from '../../../support/page-client/page-session.ts';
import { ScriptedHost } from '../../../support/page-client/scripted-host.ts';

interface Asked {
  readonly host: ScriptedHost;
  readonly sessionId: Uint8Array;
  readonly outcome: Promise<SignInOutcome>;
  readonly banners: string[];
}

/** Up to the question which ways there are. */
async function asked(signIn: SignIn): Promise<Asked> {
  const host = new ScriptedHost();
  const banners: string[] = [];
  const proving = proveHost(host.line, { user: 'max', signIn, onBanner: (text) => banners.push(text) });
  await host.exchange();
  const proved = await proving;
  const outcome = proved.signIn();
  outcome.catch(() => undefined);
  expect(await host.next()).toEqual(Buffer.concat([Buffer.of(5), wireString('ssh-userauth')]));
  host.send(Buffer.concat([Buffer.of(6), wireString('ssh-userauth')]));
  expect(wayOf(await host.next())).toBe('none');
  return { host, sessionId: proved.host.sessionId, outcome, banners };
}

/** Of a request: and it is for our user and for channels. */
function wayOf(request: Buffer): string | undefined {
  const reader = new WireReader(request.subarray(1));
  expect([request[0], reader.text(), reader.text()]).toEqual([50, 'max', 'ssh-connection']);
  return reader.text();
}

const failure = (ways: string, isPartial = 0): Buffer =>
  Buffer.concat([Buffer.of(51), wireString(ways), Buffer.of(isPartial)]);
const SUCCESS = Buffer.of(52);
const prompts = (...texts: readonly string[]): Buffer =>
  Buffer.concat([
    Buffer.of(60),
    wireString('name'),
    wireString('read this'),
    wireString(''),
    wireUint32(texts.length),
    ...texts.map((text) => Buffer.concat([wireString(text), Buffer.of(0)])),
  ]);

test('a key that nobody can take out signs the session, and what it is asked for', async () => {
  const key = await makeWebKey();
  const { host, sessionId, outcome } = await asked({ keys: [key] });
  host.send(failure('publickey,password'));
  const question = await host.next();
  expect(wayOf(question)).toBe('publickey');
  host.send(
    Buffer.concat([Buffer.of(60), wireString('ssh-ed25519'), wireString(Buffer.from(key.publicKey))]),
  );
  const request = await host.next();
  const signature = request.subarray(-64);
  const unsigned = request.subarray(0, request.length - 64 - 4 - 4 - 11 - 4);
  const raw = Buffer.from(key.publicKey).subarray(-32);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const signed = Buffer.concat([wireString(Buffer.from(sessionId)), unsigned]);
  expect(verify(null, signed, publicKey, signature)).toBe(true);
  // The same request as the question, but for the word that says that it is signed.
  const flagAt = question.length - Buffer.from(key.publicKey).length - 4 - 4 - 11 - 1;
  expect([question[flagAt], unsigned[flagAt]]).toEqual([0, 1]);
  host.send(SUCCESS);
  expect(await outcome).toEqual({ kind: 'in' });
});

test('keys first, then questions, then the password; only what the host takes, and each as often as it may', async () => {
  const key = await makeWebKey();
  const said: string[] = [];
  const { host, outcome } = await asked({
    keys: [key],
    answers: async ({ prompts: shown }, attempt) => {
      said.push(`answers ${attempt} ${shown.map(({ text }) => text.printable()).join()}`);
      return attempt === 1 ? ['12', '34'] : undefined;
    },
    password: async (attempt) => {
      said.push(`password ${attempt}`);
      return attempt < 3 ? `secret ${attempt}` : undefined;
    },
  });
  host.send(failure('publickey,keyboard-interactive,password'));
  expect(wayOf(await host.next())).toBe('publickey');
  host.send(failure('keyboard-interactive,password'));
  expect(wayOf(await host.next())).toBe('keyboard-interactive');
  host.send(prompts('one?', 'two?'));
  const answers = await host.next();
  expect(answers).toEqual(Buffer.concat([Buffer.of(61), wireUint32(2), wireString('12'), wireString('34')]));
  host.send(prompts());
  expect(await host.next()).toEqual(Buffer.of(61, 0, 0, 0, 0));
  host.send(failure('keyboard-interactive,password'));
  expect(wayOf(await host.next())).toBe('keyboard-interactive');
  host.send(prompts('again?'));
  expect(await host.next()).toEqual(Buffer.of(61, 0, 0, 0, 0));
  host.send(failure('password'));
  const tried = await host.next();
  expect(tried.subarray(-13)).toEqual(Buffer.concat([Buffer.of(0), wireString('secret 1')]));
  host.send(failure('password'));
  await host.next();
  host.send(failure('password'));
  expect(await outcome).toEqual({ kind: 'not_in', ways: ['password'], wasTried: true });
  expect(said).toEqual(['answers 1 one?,two?', 'answers 2 again?', 'password 1', 'password 2', 'password 3']);
});

test('without anything to show, one learns what the host would take', async () => {
  const { host, outcome } = await asked({});
  host.send(failure('publickey'));
  expect(await outcome).toEqual({ kind: 'not_in', ways: ['publickey'], wasTried: false });
});

test('a password that is there already goes with the request to sign in, and only then the ways are asked', async () => {
  const host = new ScriptedHost();
  const asked: number[] = [];
  const password = async (attempt: number): Promise<string | undefined> => {
    asked.push(attempt);
    return attempt === 2 ? 'typed' : undefined;
  };
  const proving = proveHost(host.line, { user: 'max', signIn: { secret: 'of-the-link', password } });
  await host.exchange();
  const outcome = (await proving).signIn();
  // Both are there before anything is answered.
  expect((await host.next())[0]).toBe(5);
  const first = await host.next();
  expect(wayOf(first)).toBe('password');
  expect(first.subarray(-16)).toEqual(Buffer.concat([Buffer.of(0), wireString('of-the-link')]));
  expect(asked).toEqual([]);
  host.send(Buffer.concat([Buffer.of(6), wireString('ssh-userauth')]));
  host.send(failure('password'));
  expect((await host.next()).subarray(-10)).toEqual(Buffer.concat([Buffer.of(0), wireString('typed')]));
  // It was wrong, which is said to the person.
  expect(asked).toEqual([2]);
  host.send(SUCCESS);
  expect(await outcome).toEqual({ kind: 'in' });
});

test('a host that wants another password than the one that is there is asked what else it takes', async () => {
  const host = new ScriptedHost();
  const proving = proveHost(host.line, { user: 'max', signIn: { secret: 'of-the-link' } });
  await host.exchange();
  const outcome = (await proving).signIn();
  await host.next();
  await host.next();
  host.send(Buffer.concat([Buffer.of(6), wireString('ssh-userauth')]));
  host.send(Buffer.concat([Buffer.of(60), wireString('it has expired'), wireString('')]));
  expect(wayOf(await host.next())).toBe('none');
  host.send(failure('publickey'));
  expect(await outcome).toEqual({ kind: 'not_in', ways: ['publickey'], wasTried: true });
});

test('a host that only takes keys says so to a password, and is shown the key', async () => {
  const key = await makeWebKey();
  const host = new ScriptedHost();
  const signIn: SignIn = { secret: 'of-the-link', keys: async () => [key] };
  const proving = proveHost(host.line, { user: 'max', signIn });
  await host.exchange();
  const outcome = (await proving).signIn();
  await host.next();
  await host.next();
  host.send(Buffer.concat([Buffer.of(6), wireString('ssh-userauth')]));
  host.send(failure('publickey'));
  expect(wayOf(await host.next())).toBe('publickey');
  host.send(failure('publickey'));
  expect(await outcome).toEqual({ kind: 'not_in', ways: ['publickey'], wasTried: true });
});

test('banners are told up to their limit, whenever they come', async () => {
  const { host, outcome, banners } = await asked({});
  const banner = (text: string): Buffer => Buffer.concat([Buffer.of(53), wireString(text), wireString('')]);
  host.send(banner('hello'));
  host.send(banner('x'.repeat(MAX_BANNER_BYTES - 100)));
  host.send(banner('y'.repeat(200)));
  host.send(failure('publickey'));
  await outcome;
  expect(banners.map((text) => text.length)).toEqual([5, MAX_BANNER_BYTES - 100]);
});

test.each<[string, Buffer, string]>([
  [
    'a banner over its limit',
    Buffer.concat([Buffer.of(53), wireString('x'.repeat(MAX_BANNER_BYTES + 1))]),
    'too_big',
  ],
  [
    'channels before anybody is in',
    Buffer.concat([Buffer.of(90), wireString('session'), Buffer.alloc(12)]),
    'out_of_place',
  ],
  ['a message of channels', Buffer.concat([Buffer.of(94), Buffer.alloc(8)]), 'out_of_place'],
  ['a failure that ends early', Buffer.of(51, 0, 0, 0, 9), 'malformed'],
])('%s ends the connection', async (_what, payload, code) => {
  const { host, outcome } = await asked({});
  host.send(payload);
  await expect(outcome).rejects.toMatchObject({ code });
});

test('too many questions at once, and one after the other without end, are refused', async () => {
  const signIn: SignIn = { answers: async ({ prompts: shown }) => shown.map(() => 'x') };
  const many = await asked(signIn);
  many.host.send(failure('keyboard-interactive'));
  await many.host.next();
  many.host.send(prompts(...Array.from({ length: MAX_PROMPTS + 1 }, () => '?')));
  await expect(many.outcome).rejects.toMatchObject({ code: 'too_big' });
  const endless = await asked(signIn);
  endless.host.send(failure('keyboard-interactive'));
  const refused = expect(endless.outcome).rejects.toMatchObject({ code: 'too_big' });
  for (let round = 0; round < 40 && !endless.host.isLeft; round += 1) {
    const said = await endless.host.next().catch(() => undefined);
    if (said === undefined) break;
    endless.host.send(prompts('?'));
    if (round === 32) break;
  }
  await refused;
});

// Signing on as a client program does it, on the wire.
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import {
  type DeviceSignOn,
  parseDeviceSignOn,
  parseSignOnProgress,
  SIGN_ON_PATHS,
  type SignedOn,
} from '#shared/protocol/sign-on.ts';
import type { SignOnWorld } from './sign-on-world.ts';

export interface SignOnAnswer {
  readonly status: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

/** Asks the relay. `body` is sent as JSON, a text as it is. */
export async function ask(
  { relay }: Pick<SignOnWorld, 'relay'>,
  path: keyof typeof SIGN_ON_PATHS,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<SignOnAnswer> {
  const answer = await fetch(`http://127.0.0.1:${relay.port}${SIGN_ON_PATHS[path]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  const json = JSON.parse(text) as Record<string, unknown>;
  return { status: answer.status, text, json, headers: answer.headers };
}

/** Begins. */
export async function begin(world: SignOnWorld): Promise<DeviceSignOn> {
  const { status, text } = await ask(world, 'device', {});
  const signOn = parseDeviceSignOn(text);
  if (status !== 200 || signOn === undefined) throw new Error(`not begun: ${text}`);
  return signOn;
}

export function signedOnFrom({ text }: SignOnAnswer): SignedOn {
  const progress = parseSignOnProgress(text);
  if (progress?.kind !== 'signed_on') throw new Error(`not signed on: ${text}`);
  return progress.signedOn;
}

/** The answer to whoever has begun and said yes. */
export async function finish(world: SignOnWorld, account = 'ada'): Promise<SignOnAnswer> {
  const { userCode, handle } = await begin(world);
  await world.issuer.answerDevice(userCode, account);
  return await ask(world, 'token', { handle });
}

/** From the beginning to the token. */
export async function signOn(world: SignOnWorld, account = 'ada'): Promise<SignedOn> {
  return signedOnFrom(await finish(world, account));
}

/** The header that shows a token. */
export function proofOf(token: string): Readonly<Record<string, string>> {
  return { [IDENTITY_HEADER]: formatIdentity({ kind: 'sso', token }) };
}

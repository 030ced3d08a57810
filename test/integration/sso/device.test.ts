// Signing on by device code at a real provider: from the code to the door, later once more, and all that can go wrong.
import { describe, expect, test } from 'vitest';
import { formatIdentity, IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import {
  type DeviceSignOn,
  parseDeviceSignOn,
  parseSignOnProgress,
  SIGN_ON_PATHS,
  type SignedOn,
} from '#shared/protocol/sign-on.ts';
import { SIGN_ON_TOKEN_LIFE_MS } from '../../../services/relay/sso/sign-on-desk.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { joinPair } from '../../support/relay/joined-pair.ts';
import { openClient } from '../../support/relay/relay.ts';
import { openSignOnWorld, SESSION_MS, type SignOnWorld } from '../../support/sso/sign-on-world.ts';

async function post(
  { relay }: Pick<SignOnWorld, 'relay'>,
  path: keyof typeof SIGN_ON_PATHS,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string; json: Record<string, unknown> }> {
  const answer = await fetch(`http://127.0.0.1:${relay.port}${SIGN_ON_PATHS[path]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, text, json: JSON.parse(text) as Record<string, unknown> };
}

async function begin(world: SignOnWorld): Promise<DeviceSignOn> {
  const { status, text } = await post(world, 'device', {});
  const signOn = parseDeviceSignOn(text);
  if (status !== 200 || signOn === undefined) throw new Error(`not begun: ${text}`);
  return signOn;
}

function signedOnFrom(text: string): SignedOn {
  const progress = parseSignOnProgress(text);
  if (progress?.kind !== 'signed_on') throw new Error(`not signed on: ${text}`);
  return progress.signedOn;
}

async function signOn(world: SignOnWorld, account = 'ada'): Promise<SignedOn> {
  const { userCode, handle } = await begin(world);
  await world.issuer.answerDevice(userCode, account);
  return signedOnFrom((await post(world, 'token', { handle })).text);
}

const proofOf = (token: string) => ({ [IDENTITY_HEADER]: formatIdentity({ kind: 'sso', token }) });

describe('a device code', () => {
  test('leads to a token that opens the door, once the person has said yes', async () => {
    const world = await openSignOnWorld();
    const { relay, issuer } = world;
    const signOn = await begin(world);
    expect(signOn).toMatchObject({ verificationUri: `${issuer.issuer}/device`, expiresSeconds: 600 });
    expect(signOn.verificationUriComplete).toContain(encodeURIComponent(signOn.userCode));
    const pending = await post(world, 'token', { handle: signOn.handle });
    expect(pending).toMatchObject({ status: 200, json: { pending: true } });

    await issuer.answerDevice(signOn.userCode, 'ada');
    const { token, expiresAt } = signedOnFrom((await post(world, 'token', { handle: signOn.handle })).text);
    expect(expiresAt).toBe(world.clock.wallTime() + SIGN_ON_TOKEN_LIFE_MS);
    using agent = await openAgent(relay.port, 'job');
    using pair = await joinPair(relay.port, agent, 'job', { headers: proofOf(token) });
    expect(pair.client.readyState).toBe(1);
    expect(relay.log.find(({ msg }) => msg === 'signed on')).toMatchObject({
      way: 'device',
      subject: 'ada@example.com',
    });
    expect(await relay.metric('converge_sign_ons_total{way="device",outcome="begun"}')).toBe(1);
    expect(await relay.metric('converge_sign_ons_total{way="device",outcome="confirmed"}')).toBe(1);
  });
});
void openClient;
void SESSION_MS;

// A relay whose policy asks clients to sign on at a provider of the test.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Policy } from '../../../services/relay/policy/policy.ts';
import type { SsoSettings } from '../../../services/relay/policy/sso-settings.ts';
import { freePort } from '../network/ports.ts';
import type { RunningRelay } from '../relay/relay.ts';
import { openRelay } from '../relay/test-relay.ts';
import { ManualClock } from '../time/manual-clock.ts';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  type OidcIssuer,
  type OidcIssuerOptions,
  startOidcIssuer,
} from './oidc-issuer.ts';

export const SECRET = 'secret-of-the-cluster-'.padEnd(40, 'x');

/** How long a sign-on counts here, in milliseconds. */
export const SESSION_MS = 12 * 3_600_000;

export interface SignOnWorld {
  readonly issuer: OidcIssuer;
  readonly clock: ManualClock;
  readonly relay: RunningRelay;
  /** How browsers know the relay; also its audience. */
  readonly base: string;
  /** What the relay goes by; a test may change it. */
  readonly policy: { current: Policy | undefined };
}

export interface SignOnSetUp extends Omit<OidcIssuerOptions, 'redirectUris'> {
  readonly settings?: Partial<SsoSettings>;
  readonly env?: Readonly<Record<string, string>>;
  /** With a policy file in place of `policy`, and the machine's clock. */
  readonly hasPolicyFile?: boolean;
  /** What the relay's clock is ahead of the provider's, in milliseconds. */
  readonly aheadMs?: number;
}

/** Opens a world within a test. */
export async function openSignOnWorld(setUp: SignOnSetUp = {}): Promise<SignOnWorld> {
  const port = await freePort();
  const base = setUp.env?.['PUBLIC_URL'] ?? `http://127.0.0.1:${port}`;
  const issuer = await startOidcIssuer({ ...setUp, redirectUris: [`${base}/sign-on/callback`] });
  onTestFinished(() => issuer[Symbol.asyncDispose]());
  const clock = new ManualClock(Date.now() + (setUp.aheadMs ?? 0));
  const policy = { current: policyOf(base, { ...(await settingsOf(issuer.issuer)), ...setUp.settings }) };
  const env = { PORT: String(port), CLUSTER_SECRET: SECRET, ...setUp.env };
  if (setUp.hasPolicyFile === true) {
    const file = await writePolicy(policy.current);
    return { issuer, clock, relay: await openRelay({ env: { ...env, POLICY_FILE: file } }), base, policy };
  }
  const relay = await openRelay({ clock, env, gateParts: { policy } });
  return { issuer, clock, relay, base, policy };
}

/** The same policy as an operator writes it. */
async function writePolicy({ audience, sso }: Policy): Promise<string> {
  const lines = [
    `audience: ${audience}`,
    'clients:',
    '  - { name: people, sso: { groups: engineers } }',
    'sso:',
    `  issuer: ${sso?.issuer}`,
    `  client-id: ${sso?.clientId}`,
    `  client-secret-file: ${sso?.clientSecretFile}`,
    `  scopes: [${sso?.scopes.join(', ')}]`,
  ];
  const file = join(dirname(sso?.clientSecretFile ?? ''), 'policy.yaml');
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

async function settingsOf(issuer: string): Promise<SsoSettings> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-sso-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clientSecretFile = join(folder, 'secret');
  await writeFile(clientSecretFile, `${CLIENT_SECRET}\n`);
  const scopes = ['openid', 'email', 'groups'];
  return { issuer, clientId: CLIENT_ID, clientSecretFile, scopes, sessionMs: SESSION_MS };
}

/** Engineers may reach all agents. */
export function policyOf(audience: string, sso: SsoSettings | undefined): Policy {
  const proof = { kind: 'sso', match: [{ claim: 'groups', values: ['engineers'], isGlob: false }] } as const;
  const people = { name: 'people', networks: undefined, proof, ids: undefined };
  return { audience, agents: undefined, clients: [people], sso };
}

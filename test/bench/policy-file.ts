// The policy of the bench: rules of each kind, and who has the proofs for them.
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import { runCommand } from '../../deploy/build/command.ts';

const ISSUER = 'https://ci.bench.example';
const KEY_ID = 'bench';
const TOKEN = 'cvg_of-the-bench-that-opens-nothing';
const HOUR_SECONDS = 3_600;

export interface BenchPolicy {
  readonly file: string;
  /** The private key of the rule `key`, as ssh-keygen wrote it. */
  readonly keyFile: string;
  /** Headers that show the token of the rules `agents-by-token` and `clients-by-token`. */
  readonly token: Readonly<Record<string, string>>;
  /** Headers that show an identity token of the issuer, which is good for an hour. */
  readonly oidc: Readonly<Record<string, string>>;
}

/**
 * Writes a policy for a relay at `audience` to `folder`. Agents: `t-…` by token, `k-…` by key, `o-…` by identity token,
 * with limits as an operator sets them; clients: `byClients` says whether their address is enough or a token is asked.
 */
export async function writeBenchPolicy(
  folder: string,
  audience: string,
  byClients: 'network' | 'token',
): Promise<BenchPolicy> {
  const keyFile = join(folder, `key-${byClients}`);
  await runCommand('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', keyFile]);
  const publicKey = (await readFile(`${keyFile}.pub`, 'utf8')).trim();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const jwk = {
    ...createPublicKey(privateKey).export({ format: 'jwk' }),
    kid: KEY_ID,
    alg: 'RS256',
    use: 'sig',
  };
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
  const tokens = [{ name: 'bench', sha256, expires: '2099-12-31' }];
  const limits = { agents: 100_000, lifetime: '6h', sessions: 1_000 };
  const policy = {
    audience,
    issuers: { bench: { url: ISSUER, owners: ['team'], keys: { keys: [jwk] } } },
    agents: [
      { name: 'by-token', tokens, ids: ['bench', 't-*'], limits },
      { name: 'by-key', keys: [publicKey], ids: 'k-*', limits },
      { name: 'by-oidc', issuer: 'bench', match: { team: 'bench' }, ids: 'o-*', limits },
    ],
    clients:
      byClients === 'network' ? [{ name: 'here', networks: ['127.0.0.0/8'] }] : [{ name: 'scripts', tokens }],
  };
  const file = join(folder, `policy-${byClients}.yaml`);
  // JSON is YAML too.
  await writeFile(file, JSON.stringify(policy, null, 2));
  return {
    file,
    keyFile,
    token: { [IDENTITY_HEADER]: formatIdentity({ kind: 'token', token: TOKEN }) },
    oidc: { [IDENTITY_HEADER]: formatIdentity({ kind: 'oidc', token: identityToken(privateKey, audience) }) },
  };
}

function identityToken(key: KeyObject, audience: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: ISSUER, aud: audience, iat: now, nbf: now, exp: now + HOUR_SECONDS, team: 'bench' };
  const parts = [{ alg: 'RS256', kid: KEY_ID, typ: 'JWT' }, claims];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

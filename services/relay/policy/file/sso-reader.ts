// Settings of single sign-on.
import { isAbsolute } from 'node:path';
import { MAX_DURATION_MS, parseDuration } from '#shared/time/duration.ts';
import type { SsoSettings } from '../sso-settings.ts';
import { Fields, quoted } from './fields.ts';
import { issuerUrlFault } from './issuer-url.ts';
import type { FaultList } from './policy-fault.ts';
import type { MapNode } from './yaml-node.ts';

/** A working day. */
const DEFAULT_SESSION_MS = 12 * 3_600_000;
const LEAST_SESSION_MS = 60_000;

/** RFC 6749 section 3.3. */
const SCOPE = /^[!#-[\]-~]{1,128}$/;

export function readSso(map: MapNode, faults: FaultList): SsoSettings | undefined {
  const fields = new Fields(map, 'sso', faults);
  fields.expect(['issuer', 'client-id', 'client-secret-file', 'scopes', 'session']);
  const issuer = fields.neededText('issuer', 'the URL of the provider');
  const urlFault = issuer === undefined ? undefined : issuerUrlFault(issuer.text);
  if (issuer !== undefined && urlFault !== undefined)
    faults.add(issuer.line, fields.about(`the issuer ${quoted(issuer.text)} ${urlFault}`));
  const clientId = fields.neededText('client-id', 'the provider knows the relay by it');
  const secretFile = fields.text('client-secret-file')?.text;
  if (secretFile !== undefined && !isAbsolute(secretFile))
    fields.fault('client-secret-file', `${quoted(secretFile)} must be a path that begins with /`);
  const scopes = fields.texts('scopes')?.map(({ text }) => text) ?? ['openid', 'email'];
  for (const scope of scopes)
    if (!SCOPE.test(scope))
      fields.fault('scopes', `${quoted(scope)} is no scope: it has no spaces or quotes`);
  const session = fields.text('session');
  const parsed = session === undefined ? undefined : parseDuration(session.text, LEAST_SESSION_MS);
  if (parsed?.kind === 'invalid') fields.fault('session', `"session": ${parsed.fault}`);
  if (issuer === undefined || clientId === undefined) return undefined;
  return {
    issuer: issuer.text,
    clientId: clientId.text,
    clientSecretFile: secretFile,
    scopes: scopes.includes('openid') ? scopes : ['openid', ...scopes],
    sessionMs: parsed?.kind === 'duration' ? Math.min(parsed.ms, MAX_DURATION_MS) : DEFAULT_SESSION_MS,
  };
}

// The settings of the audit: two variables, checked.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { AUDIT_TO_RULE, type AuditTarget, parseAuditTarget } from './audit-target.ts';

/** What the relay keeps its record with. */
export interface AuditSettings {
  readonly target: AuditTarget;
  /** With the bearer token of an endpoint. */
  readonly tokenFile: string | undefined;
}

/** What the variables say, of which none is empty; undefined: no record is kept. Adds to `faults` what is wrong with them. */
export function auditFrom(
  given: Readonly<Record<string, string | undefined>>,
  faults: string[],
): AuditSettings | undefined {
  const { AUDIT_TO: to, AUDIT_TOKEN_FILE: tokenFile } = given;
  const target = to === undefined ? undefined : parseAuditTarget(to);
  if (to !== undefined && target === undefined) faults.push(`AUDIT_TO: must be ${AUDIT_TO_RULE}`);
  if (target?.kind === 'file' && !isOurs(target.path, constants.W_OK))
    faults.push(
      `AUDIT_TO: must be a file that this process may write to, got ${JSON.stringify(target.path)}`,
    );
  if (tokenFile !== undefined && target?.kind !== 'endpoint')
    faults.push('AUDIT_TOKEN_FILE: is for an endpoint, so AUDIT_TO must be https://HOST/PATH');
  if (tokenFile !== undefined && !isOurs(tokenFile, constants.R_OK))
    faults.push(`AUDIT_TOKEN_FILE: must be a readable file, got ${JSON.stringify(tokenFile)}`);
  return target === undefined ? undefined : { target, tokenFile };
}

/** A file that is there, or for writing a folder where it can be. Root may write to a folder as well, and would find out too late. */
function isOurs(path: string, mode: number): boolean {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false;
    accessSync(mode === constants.R_OK || existsSync(path) ? path : dirname(path), mode);
    return true;
  } catch {
    return false;
  }
}
